/** A request's body, whole, within a limit; unpacked when it is gzip or deflate. */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { Failure, refuse } from '../failure.ts';

/** What is set aside before a byte has come; a body that is announced and never sent costs no more. */
const AHEAD_BYTES = 1024 * 1024;

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
  const body = announced <= AHEAD_BYTES ? await readKnown(request, announced) : await readOpen(request, most);
  return unpack(body, request.headers['content-encoding'], most);
}

async function readKnown(request: IncomingMessage, length: number): Promise<Uint8Array> {
  const body = Buffer.allocUnsafe(length);
  let at = 0;
  await each(request, (chunk) => {
    at += chunk.copy(body, at);
  });
  return body;
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
