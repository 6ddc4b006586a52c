/** Requests that need no answer now, over a real Redis: taken once, done once, by whoever lives; nothing that was taken is lost. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Gateway, openGateway } from '../../src/gateway/gateway.ts';
import { RedisLink } from '../../src/gateway/queue/redis.ts';
import { resolveGateway } from '../../src/gateway/settings.ts';
import { textLog } from '../../src/log.ts';
import {
  type Answer,
  type Ask,
  ask,
  BODY,
  event,
  type FakeCall,
  fakePredictor,
  type Handler,
  INFER,
  INT8,
} from '../wire/gateway/fixture.ts';
import { noRedis, startRedis } from './redis.ts';

const BIN = join(import.meta.dirname, '../../dist/bin.js');
const LONG = { timeout: 60_000 };
const ASYNC = { prefer: 'respond-async' };
const SECRET = 'a secret of more than sixteen bytes';

const envOf = (predictorPort: number, url: string): Record<string, string> => ({
  MUSTER_GATEWAY_MODEL_NAME: '*',
  MUSTER_GATEWAY_PREDICTOR_HOST: `127.0.0.1:${predictorPort}`,
  MUSTER_GATEWAY_PREDICTOR_PROTOCOL: 'grpc-v2',
  MUSTER_GATEWAY_HTTP_PORT: '0',
  MUSTER_GATEWAY_HOST: '127.0.0.1',
  MUSTER_GATEWAY_DRAIN_SECONDS: '0',
  MUSTER_GATEWAY_ENABLE_GRPC: 'false',
  MUSTER_GATEWAY_QUEUE_REDIS: url,
  MUSTER_GATEWAY_QUEUE_LEASE_SECONDS: '2',
});

/** In this process. */
async function gateway(
  predictorPort: number,
  url: string,
  { argv = [], env = {} }: { argv?: readonly string[]; env?: Record<string, string> } = {},
): Promise<Gateway> {
  const { settings, refusals } = resolveGateway(argv, { ...envOf(predictorPort, url), ...env });
  if (!settings) throw new Error(JSON.stringify(refusals));
  const log = textLog({ level: 'error', now: () => 0, write: (text) => process.stderr.write(text) });
  const opened = await openGateway(settings, { version: '0', log });
  onTestFinished(() => opened.close());
  return opened;
}

/** A process of its own, as users start it. */
async function started(predictorPort: number, url: string): Promise<{ child: ChildProcess; port: number }> {
  const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...envOf(predictorPort, url) };
  const child = spawn(process.execPath, [BIN, 'gateway'], { stdio: ['ignore', 'ignore', 'pipe'], env });
  onTestFinished(() => void child.kill('SIGKILL'));
  const port = await new Promise<number>((resolve, reject) => {
    const lines: string[] = [];
    createInterface({ input: child.stderr! }).on('line', (line) => {
      lines.push(line);
      const said = / on port (\d+)/.exec(line)?.[1];
      if (said) resolve(Number(said));
    });
    child.once('exit', () => reject(new Error(lines.join('\n'))));
  });
  return { child, port };
}

/** Until Redis can be asked: a gateway connects to it in the background. */
async function asked(port: number, path: string, how: Ask): Promise<Answer> {
  for (;;) {
    const answer = await ask(port, path, how);
    if (!String(answer.json.error).includes('cannot be asked')) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const submit = (port: number, headers: Record<string, string> = {}, path = INFER, body: Ask['body'] = BODY) =>
  asked(port, path, { body: body as string, headers: { ...ASYNC, ...headers } });
const look = (port: number, id: unknown, headers: Record<string, string> = {}) =>
  asked(port, `/v2/jobs/${id}`, { headers });
const result = async (port: number, id: unknown, headers: Record<string, string> = {}): Promise<Answer> => {
  const answer = await asked(port, `/v2/jobs/${id}/result?wait=60`, { headers });
  return answer.status === 202 ? result(port, id, headers) : answer;
};
const metric = async (port: number, line: string) => String((await ask(port, '/metrics')).body).includes(line);

/** Calls that wait until they are let go. */
function held() {
  const calls: FakeCall[] = [];
  const handler: Handler = (call) => void calls.push(call);
  const came = (count: number) => expect.poll(() => calls.length, LONG).toBe(count);
  const answer = (at: number, value = 7) => {
    calls[at]?.send('ModelInferResponse', INT8([value]));
    calls[at]?.end();
  };
  return { calls, handler, came, answer };
}

async function linkTo(url: string): Promise<RedisLink> {
  const link = new RedisLink(url, textLog({ level: 'error', now: () => 0, write: () => {} }));
  onTestFinished(() => link.close());
  await link.connected(60_000);
  return link;
}

const needsRedis = test.skipIf(noRedis !== undefined);

describe('a request with "Prefer: respond-async"', () => {
  needsRedis('is taken with 202, and its result is what a call that waits is answered, byte by byte', async () => {
    const redis = await startRedis();
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port, redis.url);
    const taken = await submit(http);
    expect(taken).toMatchObject({ status: 202, json: { status: 'queued' } });
    expect(taken.headers).toMatchObject({
      'preference-applied': 'respond-async',
      location: `/v2/jobs/${taken.json.id}`,
    });
    const later = await result(http, taken.json.id);
    const now = await ask(http, INFER, { body: BODY });
    expect([later.status, String(later.body), later.headers['content-type']]).toEqual([
      200,
      String(now.body),
      now.headers['content-type'],
    ]);
    expect((await look(http, taken.json.id)).json).toMatchObject({ status: 'done', attempts: 1, model_name: 'm' });
    expect(await metric(http, 'muster_gateway_queue_jobs_total{outcome="done"} 1')).toBe(true);
    expect(await metric(http, 'muster_gateway_queue_jobs 0')).toBe(true);
  });

  needsRedis('may hold tensors as bytes in both directions', async () => {
    const redis = await startRedis();
    const seen = event<FakeCall>();
    const { port } = await fakePredictor({
      ModelInfer: (call) => {
        seen.happened(call);
        call.send('ModelInferResponse', INT8([250, 0, 10]));
        call.end();
      },
    });
    const { port: http } = await gateway(port, redis.url);
    const input = { name: 'IN', datatype: 'INT8', shape: [3], parameters: { binary_data_size: 3 } };
    const json = JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } });
    const body = Buffer.concat([Buffer.from(json), Buffer.from([255, 13, 0])]);
    const headers = { 'inference-header-content-length': String(json.length) };
    const { json: taken } = await submit(http, headers, INFER, body);
    const { headers: said, body: bytes } = await result(http, taken.id);
    expect((await seen.came).infer.raw_input_contents[0]).toEqual(Buffer.from([255, 13, 0]));
    expect(bytes.subarray(Number(said['inference-header-content-length']))).toEqual(Buffer.from([250, 0, 10]));
  });

  needsRedis('of V1, or of generate, or that is wrong, has the result that it would have had', async () => {
    const redis = await startRedis();
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port, redis.url);
    const wrong = await submit(http, {}, INFER, '{');
    expect(wrong.status).toBe(202);
    expect(await result(http, wrong.json.id)).toMatchObject({ status: 400, json: { error: expect.any(String) } });
    expect((await look(http, wrong.json.id)).json).toMatchObject({ status: 'failed', attempts: 1 });
    const rows = await submit(http, {}, '/v1/models/m:predict', '{"instances": ["a"]}');
    expect(await result(http, rows.json.id)).toMatchObject({ status: 200, json: { predictions: [1, 2] } });
  });

  needsRedis('with "wait" is answered as always when its answer comes in time', async () => {
    const redis = await startRedis();
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port, redis.url);
    expect(await submit(http, { prefer: 'respond-async, wait=60' })).toMatchObject({ status: 200 });
  });

  needsRedis('is one job under one Idempotency-Key, for each caller', async () => {
    const redis = await startRedis();
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port, redis.url);
    const key = { 'idempotency-key': 'order-1' };
    const first = await submit(http, key);
    expect((await submit(http, key)).json.id).toBe(first.json.id);
    await result(http, first.json.id);
    expect((await submit(http, key)).json).toEqual({ id: first.json.id, status: 'done' });
    expect((await submit(http, { ...key, authorization: 'Bearer b' })).json.id).not.toBe(first.json.id);
    const other = await ask(http, INFER, { headers: { ...ASYNC, ...key }, body: BODY.replace('[1,2]', '[3,4]') });
    expect(other.status).toBe(422);
  });

  needsRedis('is refused when it is too large, too many wait, or its model is not served', async () => {
    const redis = await startRedis();
    const { handler } = held();
    const { port } = await fakePredictor({ ModelInfer: handler });
    const argv = ['--queue_max_jobs=1', '--queue_max_bytes=200', '--model_name=m'];
    const { port: http } = await gateway(port, redis.url, { argv });
    await submit(http);
    expect(await ask(http, INFER, { headers: ASYNC, body: BODY })).toMatchObject({
      status: 429,
      headers: { 'retry-after': '5' },
    });
    const large = await ask(http, INFER, { headers: ASYNC, body: BODY.padEnd(300) });
    expect(large).toMatchObject({ status: 413, json: { error: expect.stringContaining('--queue_max_bytes') } });
    expect((await ask(http, '/v2/models/other/infer', { headers: ASYNC, body: BODY })).status).toBe(404);
  });

  needsRedis('belongs to its caller: nobody else sees, fetches or cancels it', async () => {
    const redis = await startRedis();
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port, redis.url);
    const mine = { authorization: 'Bearer mine' };
    const { json } = await submit(http, mine);
    expect((await result(http, json.id, mine)).status).toBe(200);
    for (const headers of [{}, { authorization: 'Bearer theirs' }]) {
      expect((await look(http, json.id, headers)).status).toBe(404);
      expect((await result(http, json.id, headers)).status).toBe(404);
      expect((await ask(http, `/v2/jobs/${json.id}`, { method: 'DELETE', headers })).status).toBe(404);
    }
    expect((await look(http, 'x'.repeat(22))).status).toBe(404);
    const gone = await ask(http, `/v2/jobs/${json.id}`, { method: 'DELETE', headers: mine });
    expect(gone.json).toEqual({ id: json.id, status: 'removed' });
    expect((await look(http, json.id, mine)).status).toBe(404);
  });
});

describe('a job', () => {
  needsRedis('waits its turn and says its place; when it is cancelled the model is told', async () => {
    const redis = await startRedis();
    const { calls, handler, came, answer } = held();
    const { port } = await fakePredictor({ ModelInfer: handler });
    const { port: http } = await gateway(port, redis.url, { argv: ['--queue_concurrency=1'] });
    const first = await submit(http);
    await came(1);
    const [second, third] = [await submit(http), await submit(http)];
    expect((await look(http, first.json.id)).json).toMatchObject({ status: 'running', attempts: 1 });
    expect((await look(http, second.json.id)).json).toMatchObject({ status: 'queued', position: 1 });
    expect((await look(http, third.json.id)).json).toMatchObject({ status: 'queued', position: 2 });
    const cancelled = event<number>();
    calls[0]?.stream.once('close', () => cancelled.happened(calls[0]!.stream.rstCode));
    expect((await ask(http, `/v2/jobs/${second.json.id}`, { method: 'DELETE' })).json.status).toBe('cancelled');
    expect((await ask(http, `/v2/jobs/${first.json.id}`, { method: 'DELETE' })).json.status).toBe('cancelled');
    expect(await cancelled.came).toBe(8);
    await came(2);
    answer(1);
    expect((await result(http, third.json.id)).json.outputs).toMatchObject([{ data: [7] }]);
    for (const { json } of [first, second]) {
      expect((await look(http, json.id)).json).toMatchObject({ status: 'cancelled' });
      expect((await result(http, json.id)).status).toBe(410);
    }
    expect(await metric(http, 'muster_gateway_queue_jobs 0')).toBe(true);
  });

  needsRedis('leaves the places to requests that wait for their answer', async () => {
    const redis = await startRedis();
    const { handler, came, answer } = held();
    const { port } = await fakePredictor({ ModelInfer: handler });
    const { port: http } = await gateway(port, redis.url, { argv: ['--max_concurrent_requests=1'] });
    const now = ask(http, INFER, { body: BODY });
    await came(1);
    const { json } = await submit(http);
    const next = ask(http, INFER, { body: BODY });
    await expect.poll(() => metric(http, 'muster_gateway_requests_queued 1'), LONG).toBe(true);
    answer(0);
    await came(2); // the request that waits
    expect((await look(http, json.id)).json.status).toBe('queued');
    answer(1);
    await came(3);
    answer(2);
    expect(await Promise.all([now, next, result(http, json.id)])).toMatchObject([
      { status: 200 },
      { status: 200 },
      { status: 200 },
    ]);
  });

  needsRedis('that nobody answers is tried again, and has failed with the last word after so many times', async () => {
    const redis = await startRedis();
    let calls = 0;
    const { port } = await fakePredictor({
      ModelInfer: (call) => {
        calls += 1;
        call.end(14, 'away');
      },
    });
    const { port: http } = await gateway(port, redis.url, { argv: ['--queue_attempts=2'] });
    const { json } = await submit(http);
    expect(await result(http, json.id)).toMatchObject({ status: 503, json: { error: 'away' } });
    expect(calls).toBe(2);
    expect((await look(http, json.id)).json).toMatchObject({ status: 'failed', attempts: 2 });
    expect(await metric(http, 'muster_gateway_queue_jobs_total{outcome="again"} 1')).toBe(true);
  });

  needsRedis('is claimed again and again while it is done, so that no other gateway takes it', async () => {
    const redis = await startRedis();
    const { calls, handler, came, answer } = held();
    const { port } = await fakePredictor({ ModelInfer: handler });
    const env = { MUSTER_GATEWAY_QUEUE_LEASE_SECONDS: '60' }; // longer than a busy machine ever makes it wait
    const [one] = await Promise.all(Array.from({ length: 3 }, () => gateway(port, redis.url, { env })));
    const { json } = await submit(one!.port);
    await came(1);
    const link = await linkTo(redis.url);
    let [renewed, before] = [0, 0];
    await expect
      .poll(async () => {
        const args = ['XPENDING', 'muster:{gateway}:jobs', 'gateways', '-', '+', '1'];
        const [held] = await link.send<[string, string, number, number][]>(args);
        const silentMs = held?.[2] ?? 0;
        if (silentMs < before) renewed += 1;
        before = silentMs;
        return renewed;
      }, LONG)
      .toBeGreaterThanOrEqual(3);
    expect(calls).toHaveLength(1);
    answer(0);
    expect((await result(one!.port, json.id)).status).toBe(200);
    expect((await look(one!.port, json.id)).json.attempts).toBe(1);
  });

  needsRedis('is not there any more when its time is over', async () => {
    const redis = await startRedis();
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port, redis.url, { argv: ['--queue_ttl_seconds=1'] });
    const { json } = await submit(http);
    await expect.poll(() => look(http, json.id).then(({ status }) => status), LONG).toBe(404);
  });
});

describe('nothing that was taken is lost', () => {
  needsRedis('when a gateway is killed in the middle of it: another one finishes it (fault 39)', async () => {
    const redis = await startRedis();
    const { handler, came, answer } = held();
    const { port } = await fakePredictor({ ModelInfer: handler });
    const first = await started(port, redis.url);
    const { json } = await submit(first.port);
    await came(1);
    const second = await started(port, redis.url);
    first.child.kill('SIGKILL');
    await came(2);
    answer(1);
    expect(await result(second.port, json.id)).toMatchObject({ status: 200, json: { outputs: [{ data: [7] }] } });
    expect((await look(second.port, json.id)).json).toMatchObject({ status: 'done', attempts: 2 });
  });

  needsRedis('when who claimed it is not heard of any more, whatever part of a second a lease has', async () => {
    const redis = await startRedis();
    const { port } = await fakePredictor();
    const env = { MUSTER_GATEWAY_QUEUE_LEASE_SECONDS: '1.001' };
    const taker = await gateway(port, redis.url, { argv: ['--queue_concurrency=0'] });
    const { json } = await submit(taker.port);
    const link = await linkTo(redis.url);
    await link.send(['XGROUP', 'CREATE', 'muster:{gateway}:jobs', 'gateways', '0']);
    const read = ['XREADGROUP', 'GROUP', 'gateways', 'gone', 'STREAMS', 'muster:{gateway}:jobs', '>'];
    expect(await link.send(read)).toBeTruthy();
    const other = await gateway(port, redis.url, { env });
    expect((await result(other.port, json.id)).status).toBe(200);
  });

  needsRedis('when each gateway that begins it is killed: it has failed, and says why', async () => {
    const redis = await startRedis();
    const { handler, came } = held();
    const { port } = await fakePredictor({ ModelInfer: handler });
    let id: unknown;
    for (let at = 1; at <= 3; at += 1) {
      const { child, port: http } = await started(port, redis.url);
      id ??= (await submit(http)).json.id;
      await came(at);
      child.kill('SIGKILL');
    }
    const last = await gateway(port, redis.url);
    const answer = await result(last.port, id);
    expect(answer).toMatchObject({ status: 503, json: { error: expect.stringContaining('3 times') } });
  });

  needsRedis('when Redis is killed and comes back in the middle of it (fault 39)', async () => {
    const redis = await startRedis();
    const { calls, handler, came, answer } = held();
    const { port } = await fakePredictor({ ModelInfer: handler });
    const { port: http } = await gateway(port, redis.url, { argv: ['--queue_concurrency=1'] });
    const [first, second] = [await submit(http), await submit(http)];
    await came(1);
    await redis.kill();
    expect((await ask(http, INFER, { headers: ASYNC, body: BODY })).status).toBe(503);
    expect((await ask(http, '/v2/health/ready')).status).toBe(200);
    answer(0, 1); // there is nobody to keep it yet
    await redis.start();
    await came(2);
    answer(1, 2);
    await expect.poll(() => look(http, first.json.id).then(({ status }) => status), LONG).toBe(200);
    expect((await result(http, first.json.id)).json.outputs).toMatchObject([{ data: [1] }]);
    expect((await result(http, second.json.id)).json.outputs).toMatchObject([{ data: [2] }]);
    expect(calls).toHaveLength(2);
  });

  needsRedis('when a gateway is asked to stop: it ends what it can, and gives the rest back', async () => {
    const redis = await startRedis();
    const { handler, came, answer } = held();
    const { port } = await fakePredictor({ ModelInfer: handler });
    const argv = ['--graceful_timeout_seconds=10', '--queue_concurrency=2'];
    const env = { MUSTER_GATEWAY_QUEUE_LEASE_SECONDS: '600' }; // it is given back, not found
    const first = await gateway(port, redis.url, { argv, env });
    const [ends, stays] = [await submit(first.port), await submit(first.port)];
    await came(2);
    const drained = first.drain();
    answer(0, 1); // at once: only the other one may outlast the grace
    const next = await gateway(port, redis.url, { env });
    await drained;
    await came(3);
    answer(2, 3);
    const values = [await result(next.port, ends.json.id), await result(next.port, stays.json.id)];
    expect(values.map(({ json }) => (json.outputs as { data: number[] }[])[0]?.data[0]).sort()).toEqual([1, 3]);
    expect((await look(next.port, stays.json.id)).json.attempts).toBe(1);
    const link = await linkTo(redis.url);
    const consumers = await link.send<object[]>(['XINFO', 'CONSUMERS', 'muster:{gateway}:jobs', 'gateways']);
    expect(consumers).toHaveLength(2); // the one that is there, and nobody
  });
});

needsRedis(
  'a channel is heard by who listens before the connection stands, by who listens later, and after a break',
  async () => {
    const redis = await startRedis();
    const link = new RedisLink(redis.url, textLog({ level: 'error', now: () => 0, write: () => {} }));
    onTestFinished(() => link.close());
    const heard = { early: 0, late: 0 };
    link.hear('news', () => {
      heard.early += 1;
    });
    await link.connected(60_000);
    link.hear('news', () => {
      heard.late += 1;
    });
    const speaker = new RedisLink(redis.url, textLog({ level: 'error', now: () => 0, write: () => {} }));
    onTestFinished(() => speaker.close());
    for (let round = 1; round <= 2; round += 1) {
      const before = { ...heard };
      // Said until it is heard: nobody is told when a subscription stands.
      await expect
        .poll(async () => {
          await speaker.send(['PUBLISH', 'news', 'x']).catch(() => {});
          return heard.early > before.early && heard.late > before.late;
        }, LONG)
        .toBe(true);
      if (round === 1) await redis.kill().then(() => redis.start());
    }
  },
);

needsRedis('a no of Redis is told, but not each time, though its connection stands', async () => {
  const redis = await startRedis();
  const lines: string[] = [];
  const link = new RedisLink(redis.url, textLog({ level: 'warn', now: () => 0, write: (text) => lines.push(text) }));
  onTestFinished(() => link.close());
  await link.connected(60_000);
  await link.send(['REPLICAOF', '127.0.0.1', '1']);
  for (const key of ['a', 'b']) await expect(link.send(['SET', key, 'x'])).rejects.toMatchObject({ status: 503 });
  expect(lines).toEqual([expect.stringContaining('cannot be asked: READONLY')]);
});

describe('a callback', () => {
  interface Told {
    readonly headers: IncomingMessage['headers'];
    readonly body: string;
  }

  async function listener(status: (told: number) => number) {
    const told: Told[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.once('end', () => {
        told.push({ headers: request.headers, body });
        response.writeHead(status(told.length), { location: '/elsewhere' }).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return { told, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` };
  }

  const allowed = {
    env: { MUSTER_GATEWAY_QUEUE_CALLBACK_SECRET: SECRET },
    argv: ['--queue_callback_hosts=127.0.0.0/8,hooks.example.com'],
  };

  needsRedis('gets the result, signed, and again when it was not taken', async () => {
    const redis = await startRedis();
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port, redis.url, allowed);
    const { told, url } = await listener((time) => (time === 1 ? 503 : 204));
    const { json } = await submit(http, { 'x-callback-url': url });
    await expect
      .poll(async () => (await look(http, json.id)).json.callback, LONG)
      .toEqual({ url, status: 'delivered', attempts: 2 });
    const { headers, body } = told[1]!;
    expect(headers).toMatchObject({
      'x-muster-job': json.id,
      'x-muster-job-status': 'done',
      'x-muster-result-status': '200',
    });
    expect(body).toBe(String((await result(http, json.id)).body));
    const [, at, hex] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-muster-signature'])) ?? [];
    expect(hex).toBe(createHmac('sha256', SECRET).update(`${at}.${json.id}.${body}`).digest('hex'));
    expect(await metric(http, 'muster_gateway_queue_callbacks_total{outcome="delivered"} 1')).toBe(true);
    await expect.poll(() => metric(http, 'muster_gateway_queue_jobs 0'), LONG).toBe(true);
  });

  needsRedis('that is sent elsewhere is not followed', async () => {
    const redis = await startRedis();
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port, redis.url, allowed);
    const { told, url } = await listener(() => 307);
    const { json } = await submit(http, { 'x-callback-url': url });
    await expect
      .poll(async () => (await look(http, json.id)).json.callback, LONG)
      .toMatchObject({ status: 'refused', attempts: 1 });
    expect(told).toHaveLength(1);
  });

  needsRedis('to a host that is not allowed is refused before anything is taken', async () => {
    const redis = await startRedis();
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port, redis.url, allowed);
    await submit(http);
    for (const url of [
      'http://169.254.169.254/',
      'http://evil.example.com/',
      'file:///etc/passwd',
      'http://10.0.0.1/',
    ]) {
      const answer = await ask(http, INFER, { body: BODY, headers: { ...ASYNC, 'x-callback-url': url } });
      expect([url, answer.status, answer.json.error]).toEqual([
        url,
        400,
        expect.stringContaining('--queue_callback_hosts'),
      ]);
    }
  });
});
