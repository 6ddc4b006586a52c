/** What passing OpenAI's API on adds to a stream of 5,000 events, beside the same stream without us. */
import { type IncomingMessage, request } from 'node:http';
import { type Figure, figure, quantile } from './figure.ts';
import { cpuMsOf } from './load.ts';
import { type Server, started, startGateway } from './node-process.ts';

const PATH = '/v1/chat/completions';
const EVENTS = 5_001; // with [DONE]
const ROUNDS = 7;
/** A tick of CPU time is 10 ms: so many streams are one measurement of it. */
const STREAMS = 5;

interface Round {
  readonly tookMs: number;
  readonly firstMs: number;
  readonly cpuMs: number;
}

export async function run(): Promise<Figure[]> {
  const upstream = await started(['scripts/bench/gateway-openai-server.ts'], /^(\d+)$/, 'stdout');
  const servers: Server[] = [upstream];
  try {
    const openai = ['--predictor_protocol=openai', '--model_name=m'];
    const gateway = await startGateway({ grpcPort: upstream.port }, ...openai);
    servers.push(gateway);
    const rounds: { readonly ours: Round; readonly theirs: Round }[] = [];
    await measure(gateway); // compiles what will be measured
    for (let round = 0; round < ROUNDS; round += 1)
      rounds.push({ theirs: await measure(upstream), ours: await measure(gateway) });
    const median = (of: (round: (typeof rounds)[number]) => number) => quantile(rounds.map(of), 0.5);
    const beside = (what: string, of: (round: Round) => number) => {
      const [value, peerValue] = [median(({ ours }) => of(ours)), median(({ theirs }) => of(theirs))];
      const named = `${what}, median of ${ROUNDS}`;
      return figure({ bench: 'gateway-openai', figure: named, value, unit: 'ms', peer: 'without us', peerValue }, 1);
    };
    return [
      beside('5,000 events passed on', ({ tookMs }) => tookMs),
      beside('first event', ({ firstMs }) => firstMs),
      beside("CPU of 5,000 events, beside the server's own", ({ cpuMs }) => cpuMs),
    ];
  } finally {
    await Promise.all(servers.map((each) => each.stop()));
  }
}

/** CPU is that of the process that is asked. */
async function measure({ port, pid }: Server): Promise<Round> {
  const before = cpuMsOf(pid);
  const streams: Omit<Round, 'cpuMs'>[] = [];
  for (let at = 0; at < STREAMS; at += 1) streams.push(await stream(port));
  const middle = (of: 'tookMs' | 'firstMs') =>
    quantile(
      streams.map((each) => each[of]),
      0.5,
    );
  return { tookMs: middle('tookMs'), firstMs: middle('firstMs'), cpuMs: (cpuMsOf(pid) - before) / STREAMS };
}

async function stream(port: number): Promise<Omit<Round, 'cpuMs'>> {
  const from = performance.now();
  const response = await ask(port);
  const chunks: Buffer[] = [];
  let firstMs = 0;
  for await (const chunk of response) {
    if (chunks.length === 0) firstMs = performance.now() - from;
    chunks.push(chunk as Buffer);
  }
  const tookMs = performance.now() - from;
  const events = String(Buffer.concat(chunks)).split('\n\n').length - 1;
  if (events !== EVENTS) throw new Error(`port ${port} gave ${events} events of ${EVENTS}`);
  return { tookMs, firstMs };
}

function ask(port: number): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const asked = request({ host: '127.0.0.1', port, path: PATH, method: 'POST', agent: false }, resolve);
  asked.once('error', reject);
  asked.end(JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'Hi' }] }));
  return promise;
}
