/** So many clients that ask one after the other for a while, and what the server's process spent on them. */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';

export interface Pace {
  readonly clients: number;
  /** Milliseconds; WARM_MS go before, unmeasured: a Node compiles what is hot. */
  readonly forMs: number;
  /** Whose CPU time is counted. */
  readonly pid: number;
}

export interface LoadOptions extends Pace {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const WARM_MS = 2_000;

export interface Load {
  readonly requests: number;
  readonly perSecond: number;
  /** Milliseconds, ascending. */
  readonly latencies: readonly number[];
  /** Milliseconds of CPU, user and system, per request. */
  readonly cpuMs: number;
}

/** @throws when an answer is not 200: a bench of errors measures nothing */
export async function load(options: LoadOptions): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: options.clients });
  try {
    return await loadBy(() => once(options, agent), options);
  } finally {
    agent.destroy();
  }
}

/** So many requests, however long they take. @throws as above */
export async function loadCount(options: Omit<LoadOptions, 'forMs'>, requests: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: options.clients });
  let left = requests;
  const client = async () => {
    for (; left > 0; left -= 1) await once(options, agent);
  };
  try {
    await Promise.all(Array.from({ length: options.clients }, client));
  } finally {
    agent.destroy();
  }
}

/** @param ask one request of client number `client`: how many milliseconds it took; it throws when there is no answer */
export async function loadBy(ask: (client: number) => Promise<number>, { pid, clients, forMs }: Pace): Promise<Load> {
  await during(ask, clients, WARM_MS);
  const before = cpuMsOf(pid);
  const from = performance.now();
  const latencies = await during(ask, clients, forMs);
  const tookMs = performance.now() - from;
  const cpu = cpuMsOf(pid) - before;
  const requests = latencies.length;
  return {
    requests,
    perSecond: (1000 * requests) / tookMs,
    latencies: latencies.sort((a, b) => a - b),
    cpuMs: cpu / requests,
  };
}

async function during(ask: (client: number) => Promise<number>, clients: number, forMs: number): Promise<number[]> {
  const until = performance.now() + forMs;
  const latencies: number[] = [];
  const client = async (_: unknown, number: number) => {
    while (performance.now() < until) latencies.push(await ask(number));
  };
  await Promise.all(Array.from({ length: clients }, client));
  return latencies;
}

function once({ port, path, headers, body }: Omit<LoadOptions, 'forMs'>, agent: Agent): Promise<number> {
  const from = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const all = { ...headers, 'content-length': String(body.length) };
  const asked = request({ host: '127.0.0.1', port, path, method: 'POST', agent, headers: all }, (response) => {
    if (response.statusCode !== 200) reject(new Error(`${path} answered ${response.statusCode}`));
    response.resume();
    response.once('end', () => resolve(performance.now() - from));
    response.once('error', reject);
  });
  asked.once('error', reject);
  asked.end(body);
  return promise;
}

/** utime + stime of all its threads; proc_pid_stat(5). A tick is 10 ms. */
export function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

/** Resident memory in MiB. */
export const rssOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
