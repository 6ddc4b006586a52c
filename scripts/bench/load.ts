/** So many clients that ask one after the other for a while, and what the server's process spent on them. */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';

export interface LoadOptions {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly clients: number;
  /** Milliseconds; a tenth of it goes before, unmeasured. */
  readonly forMs: number;
  /** Whose CPU time is counted. */
  readonly pid: number;
}

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
    await during(options, agent, options.forMs / 10);
    const before = cpuMsOf(options.pid);
    const from = performance.now();
    const latencies = await during(options, agent, options.forMs);
    const tookMs = performance.now() - from;
    const cpu = cpuMsOf(options.pid) - before;
    const requests = latencies.length;
    return {
      requests,
      perSecond: (1000 * requests) / tookMs,
      latencies: latencies.sort((a, b) => a - b),
      cpuMs: cpu / requests,
    };
  } finally {
    agent.destroy();
  }
}

async function during(options: LoadOptions, agent: Agent, forMs: number): Promise<number[]> {
  const until = performance.now() + forMs;
  const latencies: number[] = [];
  const client = async () => {
    while (performance.now() < until) latencies.push(await once(options, agent));
  };
  await Promise.all(Array.from({ length: options.clients }, client));
  return latencies;
}

function once({ port, path, headers, body }: LoadOptions, agent: Agent): Promise<number> {
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
