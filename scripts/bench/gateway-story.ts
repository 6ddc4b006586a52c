/**
 * The story that muster's gateway was built for: a small request becomes an image tensor, a real Triton answers with a
 * thousand scores, the client gets the best. KServe's Python transformer over JSON, as it is by default, beside muster over
 * gRPC raw; then twenty thousand requests through muster, and what its memory does.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../group.ts';
import { startKserve } from '../kserve.ts';
import { startTriton } from '../triton.ts';
import { type Figure, figure, quantile } from './figure.ts';
import { type Load, load } from './load.ts';
import { type Server, startGateway } from './node-process.ts';

const ROUNDS = 3;
const CLIENTS = 8;
const FOR_MS = 6_000;
const WANTED = 417;
const PATH = '/v1/models/thousand:predict';
const BODY = Buffer.from(JSON.stringify({ instances: [WANTED] }));
const ASK = { path: PATH, body: BODY, headers: { 'content-type': 'application/json' }, clients: CLIENTS };
/** When its memory is looked at. */
const MARKS = [2_000, 10_000, 20_000];

export async function run(): Promise<Figure[]> {
  const triton = await startTriton({ models: ['thousand'] });
  const kserve = await startKserve(
    join(root, 'scripts/bench/kserve_story.py'),
    '--model_name=thousand',
    `--predictor_host=127.0.0.1:${triton.httpPort}`,
    '--predictor_protocol=v2',
    '--enable_grpc=false',
  );
  const muster = await startGateway(triton, '--transform', join(root, 'scripts/bench/story.mjs'));
  try {
    const theirs = { port: kserve.httpPort, pid: kserve.pid };
    await Promise.all([checked(theirs.port), checked(muster.port)]);
    return [...(await beside(theirs, muster)), ...(await many(muster))];
  } finally {
    await Promise.all([muster.stop(), kserve.kill()]);
    await triton.kill();
  }
}

/** Who answers something else is not measured. */
async function checked(port: number): Promise<void> {
  const how = { method: 'POST', body: BODY, headers: ASK.headers };
  const answer = await fetch(`http://127.0.0.1:${port}${PATH}`, how).then((each) => each.text());
  const { predictions } = JSON.parse(answer) as { predictions?: unknown[] };
  if (Number(predictions?.flat()[0]) !== WANTED) throw new Error(`port ${port} answered ${answer.slice(0, 500)}`);
}

type Running = Pick<Server, 'port' | 'pid'>;

async function beside(kserve: Running, muster: Running): Promise<Figure[]> {
  const rounds: { readonly theirs: Load; readonly ours: Load }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const theirs = await load({ ...ASK, ...kserve, forMs: FOR_MS });
    rounds.push({ theirs, ours: await load({ ...ASK, ...muster, forMs: FOR_MS }) });
  }
  const median = (values: readonly number[]) => quantile(values, 0.5);
  const compare = (what: string, unit: string, of: (load: Load) => number) =>
    figure({
      bench: 'gateway-story',
      figure: `number → image tensor → Triton → class, ${what}, median of ${ROUNDS}`,
      value: median(rounds.map(({ ours }) => of(ours))),
      unit,
      peer: 'KServe 0.21 Python, V2 JSON',
      peerValue: median(rounds.map(({ theirs }) => of(theirs))),
    });
  return [
    compare('requests per second', '/s', ({ perSecond }) => perSecond),
    compare('CPU per request', 'ms', ({ cpuMs }) => cpuMs),
    compare('p50', 'ms', ({ latencies }) => quantile(latencies, 0.5)),
    compare('p99', 'ms', ({ latencies }) => quantile(latencies, 0.99)),
  ];
}

/** `load` throws at the first answer that is not 200, so who gets here had no error. */
async function many(muster: Running): Promise<Figure[]> {
  const seen = [{ requests: 0, mib: mibOf(muster.pid) }];
  let requests = 0;
  for (const mark of MARKS) {
    while (requests < mark) requests += (await load({ ...ASK, ...muster, forMs: 1_000 })).requests;
    seen.push({ requests, mib: mibOf(muster.pid) });
  }
  return seen.slice(1).map(({ requests: count, mib }, at) =>
    figure(
      {
        bench: 'gateway-story',
        figure: `muster's memory after ${count} requests, all answered`,
        value: mib,
        unit: 'MiB RSS',
        peer: `after ${seen[at]?.requests}`,
        peerValue: seen[at]?.mib ?? 0,
      },
      0,
    ),
  );
}

/** Resident memory; proc_pid_status(5). */
function mibOf(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}
