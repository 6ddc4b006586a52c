/** A real Triton that is killed, comes back, or is frozen, under requests and under a stream. */
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { startTriton, type Triton } from '../../scripts/triton.ts';
import { eventsOf, gatewayTo, post } from './triton.ts';

const BODY = JSON.stringify({ inputs: [{ name: 'IN', datatype: 'FP32', shape: [1, 1], data: [1] }] });
const SLOWLY = JSON.stringify({ inputs: [{ name: 'seconds', datatype: 'FP32', shape: [1], data: [600] }] });
/** Bounds a wait for what takes a moment. */
const SOON = { timeout: 60_000 };

const running = new Set<Triton>();
afterEach(async () => {
  for (const each of running) await each.kill();
  running.clear();
});

/** @param like one whose place it takes */
async function triton(models: readonly string[], like?: Triton): Promise<Triton> {
  const started = await startTriton({ models, ...(like ? { ports: [like.httpPort, like.grpcPort] } : {}) });
  running.add(started);
  return started;
}

describe.each(['grpc-v2', 'v2'] as const)('Triton, spoken to by %s', (protocol) => {
  async function inFrontOf(server: Triton, ...argv: string[]) {
    const port = protocol === 'v2' ? server.httpPort : server.grpcPort;
    const opened = await gatewayTo(port, `--predictor_protocol=${protocol}`, ...argv);
    onTestFinished(() => opened.close());
    const at = `http://127.0.0.1:${opened.port}`;
    return {
      infer: () => post(opened.port, '/v2/models/echo_fp32/infer', BODY),
      slowly: () => post(opened.port, '/v2/models/slow/infer', SLOWLY),
      stream: (body: object) =>
        fetch(`${at}/v2/models/gen/generate_stream`, { method: 'POST', body: JSON.stringify(body) }),
      ready: () => fetch(`${at}/v2/health/ready`).then(({ status }) => status),
      metrics: () => fetch(`${at}/metrics`).then((response) => response.text()),
    };
  }

  test('that was away for some requests answers the first one after its return, without a pause (fault 39)', async () => {
    const first = await triton(['echo_fp32']);
    const { infer, ready } = await inFrontOf(first);
    expect((await infer()).status).toBe(200);
    await first.kill();
    for (let missed = 0; missed < 5; missed += 1) {
      const { status, headers, text } = await infer();
      expect([status, headers.get('retry-after'), JSON.parse(text)]).toEqual([503, '1', { error: expect.any(String) }]);
    }
    await expect.poll(ready, SOON).toBe(503);
    await triton(['echo_fp32'], first);
    expect((await infer()).status).toBe(200);
    await expect.poll(ready, SOON).toBe(200);
  });

  test('that is killed within a request is one failure, and the first request after its return is answered (fault 39)', async () => {
    const first = await triton(['echo_fp32', 'slow']);
    const { infer, slowly, metrics } = await inFrontOf(first);
    const cut = slowly();
    await expect.poll(metrics, SOON).toContain('muster_gateway_requests_in_flight 1');
    await first.kill();
    const { status, text } = await cut;
    expect([502, 503]).toContain(status); // over HTTP it is sent once more, perhaps to nobody
    expect(JSON.parse(text)).toEqual({ error: expect.any(String) });
    await triton(['echo_fp32'], first);
    expect((await infer()).status).toBe(200);
  });

  test('that is killed within a stream ends it with one error; no answer is lost, none comes twice (fault 39)', async () => {
    const first = await triton(['gen']);
    const { stream, metrics } = await inFrontOf(first);
    const response = await stream({ text_input: 'a b c', max_tokens: 100_000, delay_ms: 20 });
    let text = '';
    let killed: Promise<void> | undefined;
    for await (const chunk of response.body!) {
      text += Buffer.from(chunk).toString();
      if (text.split('\n\n').length > 5) killed ??= first.kill();
    }
    await killed;
    const events = eventsOf(text);
    expect(events.pop()).toEqual({ error: expect.any(String) });
    expect(events.map(({ index }) => index)).toEqual(events.map((_, at) => at));
    expect(events.length).toBeGreaterThan(3);
    expect(await metrics()).toMatch(/^muster_gateway_streams_total\{model_name="\w+",ended="error"\} 1$/m);
  });

  test('that is frozen is 504 at the deadline and not ready; thawed, it is served again (fault 39)', async () => {
    const server = await triton(['echo_fp32']);
    const { infer, ready } = await inFrontOf(server, '--predictor_request_timeout_seconds=5');
    expect((await infer()).status).toBe(200);
    process.kill(server.pid, 'SIGSTOP');
    try {
      const { status, text } = await infer();
      expect([status, JSON.parse(text)]).toEqual([504, { error: expect.stringMatching(/within/) }]);
      await expect.poll(ready, SOON).toBe(503);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    await expect.poll(async () => (await infer()).status, SOON).toBe(200);
    await expect.poll(ready, SOON).toBe(200);
  });

  test('that is frozen within a stream ends it after the idle time (fault 39)', async () => {
    const server = await triton(['gen']);
    const { stream, metrics } = await inFrontOf(server, '--stream_idle_timeout_seconds=2');
    const response = await stream({ text_input: 'a', max_tokens: 100_000, delay_ms: 20 });
    let text = '';
    let frozen = false;
    for await (const chunk of response.body!) {
      text += Buffer.from(chunk).toString();
      if (!frozen) process.kill(server.pid, 'SIGSTOP');
      frozen = true;
    }
    process.kill(server.pid, 'SIGCONT');
    const events = eventsOf(text);
    expect(events.pop()).toEqual({ error: expect.stringContaining('sent nothing within') });
    expect(events.map(({ index }) => index)).toEqual(events.map((_, at) => at));
    expect(await metrics()).toMatch(/^muster_gateway_streams_total\{model_name="\w+",ended="late"\} 1$/m);
  });
});
