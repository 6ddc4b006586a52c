/** A request's body, whole, within a limit; unpacked when it is gzip or deflate. */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { Failure, refuse } from '../failure.ts';

/** What is set aside before a byte has come, and how many times what has come: a body that is announced and never sent costs little. */
const AHEAD_BYTES = 1024 * 1024;
const AHEAD_TIMES = 4;

/** Bytes, and the option that says so. */
interface Most {
  readonly maxBytes: number;
  readonly option: string;
}

/** @throws Failure 413 over the limit, packed or unpacked · 415 · 400 when it is cut short or cannot be unpacked */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  option = '--max_body_bytes',
): Promise<Uint8Array> {
  const most = { maxBytes, option };
  if (request.destroyed) throw new Failure(499, 'the client has gone');
  const announced = Number(request.headers['content-length'] ?? Number.NaN);
  if (announced > maxBytes) throw tooLarge(most);
  const body = Number.isNaN(announced) ? await readOpen(request, most) : await readAnnounced(request, announced);
  return unpack(body, request.headers['content-encoding'], most);
}

async function readAnnounced(request: IncomingMessage, length: number): Promise<Uint8Array> {
  let body = Buffer.allocUnsafe(Math.min(length, AHEAD_BYTES));
  let at = 0;
  await each(request, (chunk) => {
    if (at + chunk.length > body.length) {
      const former = body;
      body = Buffer.allocUnsafe(Math.min(length, AHEAD_TIMES * (at + chunk.length)));
      former.copy(body, 0, 0, at);
      release(former);
    }
    at += chunk.copy(body, at);
    release(chunk);
  });
  // HTTP/2 has a way to end a body early that looks like its end; what has not come would be whatever the memory held before.
  if (at < length) throw refuse(`the body was cut short: ${at} bytes of ${length}`);
  return body;
}

/**
 * Frees memory that nobody looks at any more, now and not when V8 gets to it (docs/decisions/0009).
 * Only what has memory of its own: Node 24 reads each chunk of an HTTP/1.1 body into its own.
 */
function release({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
}

async function readOpen(request: IncomingMessage, most: Most): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  await each(request, (chunk) => {
    size += chunk.length;
    if (size > most.maxBytes) throw tooLarge(most);
    chunks.push(chunk);
  });
  return Buffer.concat(chunks, size);
}

function each(request: IncomingMessage, take: (chunk: Buffer) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  request.on('data', (chunk: Buffer) => {
    try {
      take(chunk);
    } catch (error) {
      request.pause();
      reject(error);
    }
  });
  request.once('end', resolve);
  request.once('error', (cause) => reject(new Failure(400, `the body was cut short: ${cause.message}`, { cause })));
  request.once('close', () => {
    if (!request.readableEnded) reject(new Failure(499, 'the client has gone'));
  });
  return promise;
}

const UNPACK = { gzip: promisify(gunzip), 'x-gzip': promisify(gunzip), deflate: promisify(inflate) } as const;

async function unpack(body: Uint8Array, encoding: string | undefined, most: Most): Promise<Uint8Array> {
  if (encoding === undefined || encoding === 'identity') return body;
  const how = Object.hasOwn(UNPACK, encoding) ? UNPACK[encoding as keyof typeof UNPACK] : undefined;
  if (!how) throw new Failure(415, `content-encoding "${encoding.slice(0, 40)}" is none of gzip, deflate, identity`);
  try {
    return await how(body, { maxOutputLength: most.maxBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(most);
    throw refuse(`the body is not ${encoding}: ${(cause as Error).message}`);
  }
}

const tooLarge = ({ maxBytes, option }: Most): Failure =>
  new Failure(413, `the body has more than ${maxBytes} bytes (${option})`);
