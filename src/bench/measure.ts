/** Some clients that ask one after the other, and what that cost this process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { complaintOf, type Exchange } from './exchange.ts';
import type { Round, Tried } from './messages.ts';
import type { Limit } from './settings.ts';

export interface MeasureOptions {
  readonly limit: Limit;
  /** Clients. */
  readonly concurrency: number;
  /** For the names of errors. */
  readonly overGrpc: boolean;
}

/** Of a client whose request failed, so that one who fails at once does not fill the round with failures. Milliseconds. */
const AFTER_ERROR_MS = 50;

/** One request, to see that it works and how large it is. */
export async function attempt(exchange: Exchange, overGrpc: boolean): Promise<Tried> {
  try {
    return await exchange();
  } catch (error) {
    return complaintOf(error, overGrpc);
  }
}

/** A warm-up of a tenth, then the round. CPU is the whole process's: nothing else may be at work in it. */
export async function measure(exchange: Exchange, options: MeasureOptions): Promise<Round> {
  const { limit, concurrency } = options;
  await during(exchange, { ...options, limit: tenthOf(limit, concurrency) });
  const cpu = process.cpuUsage();
  const from = performance.now();
  const { latencies, errors } = await during(exchange, options);
  const tookMs = performance.now() - from;
  const { user, system } = process.cpuUsage(cpu);
  return {
    latencies: Float64Array.from(latencies),
    tookMs,
    cpuMs: (user + system) / 1000,
    errors: [...errors.values()],
  };
}

const tenthOf = ({ ms, requests }: Limit, concurrency: number): Limit => ({
  ms: ms / 10,
  requests: requests === undefined ? undefined : Math.max(Math.ceil(requests / 10), concurrency),
});

async function during(exchange: Exchange, { limit, concurrency, overGrpc }: MeasureOptions) {
  const until = performance.now() + limit.ms;
  const latencies: number[] = [];
  const errors = new Map<string, Round['errors'][number]>();
  let left = limit.requests ?? Number.POSITIVE_INFINITY;
  const client = async () => {
    while (left > 0 && performance.now() < until) {
      left -= 1;
      const from = performance.now();
      try {
        await exchange();
        latencies.push(performance.now() - from);
      } catch (error) {
        const { kind, words } = complaintOf(error, overGrpc);
        errors.set(kind, { kind, words, count: (errors.get(kind)?.count ?? 0) + 1 });
        await sleep(AFTER_ERROR_MS);
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  return { latencies, errors };
}
