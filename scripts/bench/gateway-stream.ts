/** Streams through the gateway beside Triton's own server-sent events: 5,000 tokens, who goes away, who does not read. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Triton } from '../triton.ts';
import { type Figure, figure, quantile } from './figure.ts';
import { rssOf } from './load.ts';
import type { Server } from './node-process.ts';

const PATH = '/v2/models/gen/generate_stream';
const ROUNDS = 5;
const TOKENS = 5_000;
const READERS = 1_000;

export async function streams({ httpPort }: Triton, gateway: Server): Promise<Figure[]> {
  const beside = async (what: string, unit: string, measure: (port: number) => Promise<number>): Promise<Figure> => {
    const rounds: { readonly ours: number; readonly theirs: number }[] = [];
    for (let round = 0; round < ROUNDS; round += 1)
      rounds.push({ theirs: await patiently(() => measure(httpPort)), ours: await measure(gateway.port) });
    const median = (of: 'ours' | 'theirs') =>
      quantile(
        rounds.map((each) => each[of]),
        0.5,
      );
    const [value, peerValue] = [median('ours'), median('theirs')];
    return figure(
      { bench: 'gateway', figure: `${what}, median of ${ROUNDS}`, value, unit, peer: "Triton's own HTTP", peerValue },
      1,
    );
  };
  return [
    await beside(`${TOKENS} tokens as server-sent events`, 'ms', manyTokens),
    await beside('first token', 'ms', firstToken),
    await beside('client gone → the model knows', 'ms', cancel),
    await stoppedReaders(gateway),
  ];
}

/** On a busy machine Triton's own HTTP sometimes ends a stream without all of its events; ours must not. */
const patiently = (measure: () => Promise<number>): Promise<number> => measure().catch(measure).catch(measure);

async function manyTokens(port: number): Promise<number> {
  const from = performance.now();
  const response = await ask(port, { text_input: 'a b c', max_tokens: TOKENS });
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const events = String(Buffer.concat(chunks)).split('\n\n').length - 1;
  if (events !== TOKENS) throw new Error(`port ${port} gave ${events} events of ${TOKENS}`);
  return performance.now() - from;
}

async function firstToken(port: number): Promise<number> {
  const from = performance.now();
  const response = await ask(port, { text_input: 'a b', delay_ms: 200 });
  await new Promise((resolve) => response.once('data', resolve));
  const took = performance.now() - from;
  response.destroy();
  return took;
}

/** From the moment the client closes to the line of the model, which looks every 2 ms. */
async function cancel(port: number): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'gen-'));
  const trace = join(dir, 'trace');
  try {
    const response = await ask(port, { text_input: 'a', max_tokens: 1_000_000, delay_ms: 2, trace });
    await new Promise((resolve) => response.once('data', resolve));
    const from = performance.now();
    response.destroy();
    for (const until = from + 60_000; performance.now() < until; await sleep(1))
      if (existsSync(trace) && readFileSync(trace, 'utf8').includes('cancelled')) return performance.now() - from;
    throw new Error('the model was not told within 60 s');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Streams that could go on for ever, and clients that read one token of them. */
async function stoppedReaders({ port, pid }: Server): Promise<Figure> {
  const before = rssOf(pid);
  const readers: IncomingMessage[] = [];
  for (let at = 0; at < READERS; at += 50) {
    const some = Array.from({ length: 50 }, () => ask(port, { text_input: 'a', max_tokens: 100, token_bytes: 4096 }));
    readers.push(...(await Promise.all(some)));
  }
  for (const each of readers) each.pause();
  await sleep(2_000);
  const held = rssOf(pid);
  for (const each of readers) each.destroy();
  const what = `RSS with ${READERS} streams whose clients do not read, 400 KB each`;
  return figure(
    { bench: 'gateway', figure: what, value: held, unit: 'MiB', peer: 'the same before', peerValue: before },
    0,
  );
}

function ask(port: number, body: object): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const asked = request({ host: '127.0.0.1', port, path: PATH, method: 'POST', agent: false }, (response) => {
    if (response.statusCode !== 200) reject(new Error(`${PATH} answered ${response.statusCode}`));
    response.on('error', () => {}); // we go away ourselves
    resolve(response);
  });
  asked.once('error', reject);
  asked.end(JSON.stringify(body));
  return promise;
}
