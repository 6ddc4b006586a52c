/** A canary and a shadow beside the predictor, each on its own address. */
import { describe, expect, test, vi } from 'vitest';
import { ask, BODY, event, FINAL, gateway, INFER, token } from './fixture.ts';
import { Fake, LONG, unavailable } from './several.ts';

async function fake(): Promise<Fake> {
  const made = new Fake('127.0.0.1');
  await made.start();
  return made;
}

const metricOf = async (http: number, line: string): Promise<number> => {
  const text = String((await ask(http, '/metrics')).body);
  const found = text.split('\n').find((each) => each.startsWith(`muster_gateway_${line} `));
  return Number(found?.split(' ').at(-1) ?? 0);
};

describe('a canary', () => {
  test('answers its part, always the same ids, and those who ask for it', async () => {
    const [predictor, canary] = await Promise.all([fake(), fake()]);
    const { port } = await gateway(predictor.port, `--canary_host=${canary.address}`, '--canary_percent=50');
    const send = async (headers: Record<string, string>) => {
      const before = canary.infers.length;
      await ask(port, INFER, { body: BODY, headers });
      return canary.infers.length > before;
    };
    const went: boolean[] = [];
    for (let id = 0; id < 40; id += 1) went.push(await send({ 'x-request-id': String(id) }));
    for (let id = 0; id < 40; id += 1) expect(await send({ 'x-request-id': String(id) })).toBe(went[id]);
    expect(new Set(went)).toEqual(new Set([true, false]));
    expect(await send({ 'x-request-id': String(went.indexOf(false)), 'x-muster-variant': 'canary' })).toBe(true);
    expect(await send({ 'x-request-id': String(went.indexOf(true)), 'x-muster-variant': 'predictor' })).toBe(false);
    const counted = await metricOf(port, 'variant_seconds_count{variant="canary",code="200"}');
    expect(counted).toBe(canary.infers.length);
  });

  test('that fails answers with its failure, which is counted as its own', async () => {
    const [predictor, canary] = await Promise.all([fake(), fake()]);
    canary.does = (asked) => asked.end(13, 'the new one is broken');
    const { port } = await gateway(predictor.port, `--canary_host=${canary.address}`);
    const headers = { 'x-muster-variant': 'canary' };
    const answer = await ask(port, INFER, { body: BODY, headers });
    expect(answer).toMatchObject({ status: 500, json: { error: 'the new one is broken' } });
    expect((await ask(port, INFER, { body: BODY })).status).toBe(200);
    expect(await metricOf(port, 'variant_seconds_count{variant="canary",code="500"}')).toBe(1);
    expect(await metricOf(port, 'variant_seconds_count{variant="predictor",code="200"}')).toBe(1);
  });
});

describe('a shadow', () => {
  test('gets copies that no client waits for or hears of, whole and streamed', async () => {
    const [predictor, shadow] = await Promise.all([fake(), fake()]);
    const rest = event();
    shadow.does = (asked) => void rest.came.then(() => unavailable(asked));
    const { port } = await gateway(predictor.port, `--shadow_host=${shadow.address}`, '--shadow_percent=100');
    expect((await ask(port, INFER, { body: BODY })).status).toBe(200);
    predictor.does = (asked) => {
      asked.send('ModelStreamInferResponse', token('one'));
      asked.send('ModelStreamInferResponse', FINAL);
      asked.end();
    };
    const streamed = await ask(port, '/v2/models/m/generate_stream', { body: '{"text_input":"x"}' });
    expect(String(streamed.body)).toContain('one');
    await vi.waitFor(() => expect(shadow.infers).toHaveLength(2), { timeout: LONG, interval: 5 });
    expect(shadow.infers[0]?.message).toEqual(predictor.infers[0]?.message);
    rest.happened();
    const failed = async () =>
      expect(await metricOf(port, 'variant_seconds_count{variant="shadow",code="503"}')).toBe(2);
    await vi.waitFor(failed, { timeout: LONG, interval: 20 });
  });

  test('that hangs costs nothing but its copies: more than 64 are dropped', async () => {
    const [predictor, shadow] = await Promise.all([fake(), fake()]);
    shadow.does = () => {};
    const { port } = await gateway(predictor.port, `--shadow_host=${shadow.address}`, '--shadow_percent=100');
    for (let at = 0; at < 70; at += 1) expect((await ask(port, INFER, { body: BODY })).status).toBe(200);
    expect(await metricOf(port, 'shadow_dropped_total')).toBe(6);
    await vi.waitFor(() => expect(shadow.infers).toHaveLength(64), { timeout: LONG, interval: 5 });
  });

  test('gets what the canary gets too', async () => {
    const [predictor, canary, shadow] = await Promise.all([fake(), fake(), fake()]);
    const { port } = await gateway(
      predictor.port,
      `--canary_host=${canary.address}`,
      '--canary_percent=100',
      `--shadow_host=${shadow.address}`,
      '--shadow_percent=100',
    );
    expect((await ask(port, INFER, { body: BODY })).status).toBe(200);
    await vi.waitFor(() => expect(shadow.infers).toHaveLength(1), { timeout: LONG, interval: 5 });
    expect([predictor.infers.length, canary.infers.length]).toEqual([0, 1]);
  });
});
