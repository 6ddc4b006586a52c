/** A port that says who listens there to everybody who rings, and nothing else; and the ringing. */
import { connect, createServer, type Server } from 'node:net';
import type { Outcome } from './words.ts';

export interface Bell {
  readonly port: number;
  close(): void;
}

const MAX_VISITORS = 1_024;

/** @throws what listen(2) says */
export function openBell(host: string, port: number, words: string): Promise<Bell> {
  return new Promise((resolve, reject) => {
    const server: Server = createServer((socket) => {
      socket.on('error', () => {});
      socket.setTimeout(IDLE_MS, () => socket.destroy());
      socket.end(`${words}\n`);
    });
    server.maxConnections = MAX_VISITORS;
    server.once('error', reject);
    server.listen({ host, port }, () => {
      const address = server.address();
      resolve({ port: typeof address === 'object' && address ? address.port : port, close: () => server.close() });
    });
  });
}

const IDLE_MS = 5_000;
/** Of an answer; a stranger may send more. */
const MAX_WORDS = 512;

export interface Ring {
  readonly host: string;
  readonly port: number;
  /** What must be said there. */
  readonly expected: string;
  readonly timeoutMs: number;
}

/** One connect, one line. Never rejects. */
export function ring({ host, port, expected, timeoutMs }: Ring): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const since = performance.now();
  const socket = connect({ host, port });
  let words = '';
  const late = setTimeout(() => resolve({ how: 'timeout', ms: timeoutMs }), timeoutMs);
  const judge = () => resolve(judged(words, expected, performance.now() - since));
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    words = (words + chunk).slice(0, MAX_WORDS);
    if (words.includes('\n') || words.length === MAX_WORDS) judge();
  });
  socket.on('end', judge);
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(failed(error.code ?? error.message)));
  return promise.finally(() => {
    clearTimeout(late);
    socket.destroy();
  });
}

function judged(words: string, expected: string, ms: number): Outcome {
  const line = words.split('\n')[0] ?? '';
  if (line === expected) return { how: 'reached', ms: Math.round(ms * 10) / 10 };
  return { how: 'wrong', who: line === '' ? 'somebody who says nothing' : line.slice(0, 80) };
}

const failed = (code: string): Outcome => (code === 'ECONNREFUSED' ? { how: 'refused' } : { how: 'error', code });
