/** A real Triton killed in the middle of a stream, and another one in its place: the stream goes on, where it may. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startTriton, type Triton } from '../../scripts/triton.ts';
import { eventsOf, gatewayTo } from './triton.ts';

const COUNT = 300;
const BODY = JSON.stringify({ text_input: 'a b c', max_tokens: COUNT, delay_ms: 20 });
const WORDS = ['a', 'b', 'c'];
const whole = Array.from({ length: COUNT }, (_, index) => ({ index, text_output: WORDS[index % 3] }));

let second: Triton;
beforeAll(async () => {
  second = await startTriton({ models: ['gen'] });
});
afterAll(() => second.kill());

/** One address, behind which servers change. */
async function address(first: number): Promise<{ port: number; to(grpcPort: number): void }> {
  let target = first;
  const server = createServer((client) => {
    const behind = connect({ host: '127.0.0.1', port: target });
    client.pipe(behind).pipe(client);
    for (const each of [client, behind])
      each.on('error', () => undefined).once('close', () => [client, behind].map((socket) => socket.destroy()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const to = (grpcPort: number) => {
    target = grpcPort;
  };
  return { port: (server.address() as AddressInfo).port, to };
}

/** All of a stream whose server is killed after some of it. */
async function killed(headers: Record<string, string>): Promise<string> {
  const first = await startTriton({ models: ['gen'] });
  onTestFinished(() => first.kill());
  const there = await address(first.grpcPort);
  const { port, close } = await gatewayTo(there.port);
  onTestFinished(close);
  const url = `http://127.0.0.1:${port}/v2/models/gen/generate_stream`;
  const response = await fetch(url, { method: 'POST', body: BODY, headers });
  let text = '';
  let kill: Promise<void> | undefined;
  for await (const chunk of response.body!) {
    text += Buffer.from(chunk).toString();
    if (kill || !/"index":20\b/.test(text)) continue;
    there.to(second.grpcPort);
    kill = first.kill();
  }
  expect(kill, text).toBeDefined();
  await kill;
  return text;
}

const answersOf = (events: readonly Record<string, unknown>[]) =>
  events.map(({ index, text_output }) => ({ index, text_output }));

test.each(['skip', 'parameter=behind'])('with x-muster-resume: %s it is whole, and nothing is twice', async (how) => {
  const text = await killed({ 'x-muster-resume': how });
  expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))).toEqual(whole.map(({ index }) => index));
  expect(answersOf(eventsOf(text.replaceAll(/^id: \d+\n/gm, '')))).toEqual(whole);
});

test('without the header it ends with one error', async () => {
  const events = eventsOf(await killed({}));
  const answers = answersOf(events.slice(0, -1));
  expect(answers).toEqual(whole.slice(0, answers.length));
  expect(events.at(-1)).toEqual({ error: expect.any(String) });
});
