/**
 * One HTTP/1.1 request, its reply read to a limit. For probes and the smoke test: node:http loads in 2 ms where fetch
 * needs 30, follows no redirect, reads no proxy variable and keeps no connection.
 */
import { request } from 'node:http';
import { type Address, formatAddress } from '../../../wire/address.ts';
import { WireError, wireErrorOf } from '../../../wire/wire-error.ts';

export interface HttpAsk {
  readonly method: string;
  /** Path and query, beginning with `/`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  /** The first `maxBytes` of the body; what follows is not waited for. */
  readonly body: Buffer;
}

export interface HttpBounds {
  readonly signal: AbortSignal;
  /** Milliseconds for everything. */
  readonly timeoutMs: number;
  /** Bytes of the reply's body that are kept; 0: answer as soon as the status is there. */
  readonly maxBytes: number;
}

/** @throws WireError with the layer reached: dns, tcp, or `grpc` for "no answer" once connected */
export function exchange(to: Address, ask: HttpAsk, { signal, timeoutMs, maxBytes }: HttpBounds): Promise<HttpAnswer> {
  const target = formatAddress(to);
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const late = () => outgoing.destroy(new WireError('tcp', 'deadline', `no answer from ${target} in time`));
  const outgoing = request(
    { host: to.host, port: to.port, method: ask.method, path: ask.path, headers: headersOf(to, ask), agent: false },
    (incoming) => {
      const answer = (body: Buffer) => {
        resolve({ status: incoming.statusCode ?? 0, body });
        outgoing.destroy();
      };
      if (maxBytes === 0) return answer(Buffer.alloc(0));
      const chunks: Buffer[] = [];
      let size = 0;
      incoming.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size >= maxBytes) answer(Buffer.concat(chunks).subarray(0, maxBytes));
      });
      incoming.on('end', () => answer(Buffer.concat(chunks)));
      incoming.on('error', (error) => reject(wireErrorOf(error, target, 'tcp')));
    },
  );
  outgoing.on('error', (error) => reject(wireErrorOf(error, target, 'tcp')));
  const timer = setTimeout(late, timeoutMs);
  signal.addEventListener('abort', late, { once: true });
  if (signal.aborted) late();
  outgoing.end(ask.body);
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', late);
  });
}

const headersOf = (to: Address, { headers, body }: HttpAsk): Record<string, string> => ({
  host: formatAddress(to),
  connection: 'close',
  ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  ...headers,
});
