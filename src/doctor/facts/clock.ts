/** How far this machine's clock is from the head's, by the Date header of the head's resident probe port. */
import { request } from 'node:http';

export interface ClockFacts {
  /** host:port that was asked. */
  readonly from: string;
  /** Ours minus theirs, milliseconds; undefined: nobody answered. */
  readonly skewMs: number | undefined;
}

const ASK_MS = 1_000;

/** A Date header has whole seconds, cut off: half a second is the middle of what it may mean. */
const HALF_SECOND_MS = 500;

export async function askClock(host: string, port: number): Promise<ClockFacts> {
  const from = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const sentAt = Date.now();
  const date = await dateOf(host, port);
  if (date === undefined) return { from, skewMs: undefined };
  return { from, skewMs: (sentAt + Date.now()) / 2 - (date + HALF_SECOND_MS) };
}

function dateOf(host: string, port: number): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const outgoing = request(
    { host, port, path: '/livez', agent: false, signal: AbortSignal.timeout(ASK_MS) },
    (incoming) => {
      const date = Date.parse(incoming.headers.date ?? '');
      resolve(Number.isNaN(date) ? undefined : date);
      outgoing.destroy();
    },
  );
  outgoing.on('error', () => resolve(undefined));
  outgoing.end();
  return promise;
}
