/** All tell all, through the head: a member posts its word and gets everybody's back once all have posted, or time is up. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { MusterError, reasonOf } from '../../errors.ts';
import { before } from '../../launch/before.ts';
import { exchange } from '../../launch/watch/probes/http-exchange.ts';
import type { Address } from '../../wire/address.ts';
import { type Heard, Round } from './round.ts';
import { opened, sign } from './secret.ts';
import { TIME } from './words.ts';

export interface Exchange {
  /** Says `text`, and hears what all said in this round: those who did not in time are missing. */
  tell(round: string, text: string): Promise<readonly Heard[]>;
  close(): Promise<void>;
}

export interface Board extends Address {
  readonly members: number;
  readonly rank: number;
  readonly secret: string;
}

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_REPLY_BYTES = 64 * 1024 * 1024;

/** The head's side: opens the port it met at once more. @throws MusterError PORT_TAKEN when somebody was faster */
export async function openExchange(board: Board): Promise<Exchange> {
  const rounds = new Map<string, Round>();
  const round = (name: string): Round => {
    const known = rounds.get(name) ?? new Round(board.members, performance.now() + TIME.tellMs);
    rounds.set(name, known);
    return known;
  };
  const heardIn = async (name: string): Promise<readonly Heard[]> => {
    const { until, complete } = round(name);
    await before(Math.max(0, until - performance.now()), complete);
    return round(name).heard;
  };
  const server = createServer({ requestTimeout: TIME.tellMs, headersTimeout: TIME.dialMs }, (request, response) => {
    answer(request, response, { board, round, heardIn }).catch(() => response.destroy());
  });
  server.maxConnections = 4 * board.members + 64;
  await listening(server, board);
  return {
    tell: (name, text) => {
      round(name).hear({ rank: board.rank, text, arrivedAt: Date.now() });
      return heardIn(name);
    },
    close: () => closed(server),
  };
}

interface Desk {
  readonly board: Board;
  readonly round: (name: string) => Round;
  readonly heardIn: (name: string) => Promise<readonly Heard[]>;
}

const ROUNDS = ['cards', 'tries'];

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { board, round, heardIn }: Desk,
): Promise<void> {
  const text = opened(board.secret, await bodyOf(request));
  const word = text === undefined ? undefined : (JSON.parse(text) as { round: string; rank: number; text: string });
  // Not one of us: nothing is said to him.
  if (!word || !ROUNDS.includes(word.round) || !Number.isInteger(word.rank)) return void response.destroy();
  round(word.round).hear({ rank: word.rank, text: word.text, arrivedAt: Date.now() });
  response.end(JSON.stringify(sign(board.secret, JSON.stringify(await heardIn(word.round)))));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error('too much was said');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const listening = (server: Server, { host, port }: Address): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(notAgain(port, cause)));
    server.listen({ host, port }, resolve);
  });

const notAgain = (port: number, cause: Error): MusterError =>
  new MusterError(
    {
      code: 'PORT_TAKEN',
      message: `the rally port, ${port}, was left after the meeting and cannot be opened again: ${cause.message}`,
      hint: 'See who takes it, and start all members again.',
    },
    { cause },
  );

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    // Whoever still reads his answer may finish.
    setTimeout(() => server.closeAllConnections(), TIME.dialMs).unref();
  });
}

/** A worker's side. */
export function joinExchange(board: Board): Exchange {
  return {
    tell: async (round, text) => {
      const body = JSON.stringify(sign(board.secret, JSON.stringify({ round, rank: board.rank, text })));
      const reply = opened(board.secret, await posted(board, body));
      if (reply === undefined) throw lost('what answers there is not the head of this meeting');
      return JSON.parse(reply) as Heard[];
    },
    close: async () => {},
  };
}

/** Again and again while the head has not reopened its port. @throws MusterError HEAD_UNREACHABLE */
async function posted(to: Address, body: string): Promise<string> {
  const until = performance.now() + TIME.reopenMs;
  for (;;) {
    try {
      const bounds = {
        timeoutMs: TIME.tellMs + TIME.dialMs,
        maxBytes: MAX_REPLY_BYTES,
        signal: new AbortController().signal,
      };
      const { body: reply } = await exchange(to, { method: 'POST', path: '/doctor', body }, bounds);
      return reply.toString('utf8');
    } catch (cause) {
      if (performance.now() > until) throw lost(reasonOf(cause), cause);
      await sleep(100);
    }
  }
}

const lost = (why: string, cause?: unknown): MusterError =>
  new MusterError(
    {
      code: 'HEAD_UNREACHABLE',
      message: `the head was met, and then lost: ${why}`,
      hint: 'See what the head says, and start all members again.',
    },
    { cause },
  );
