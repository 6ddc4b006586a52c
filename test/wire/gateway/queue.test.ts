/** Requests that need no answer now, where there is nobody to keep them: no queue, and a queue whose Redis is away. */
import { expect, test } from 'vitest';
import { freePort } from '../support/servers.ts';
import { ask, BODY, fakePredictor, gateway, INFER } from './fixture.ts';

const ASYNC = { prefer: 'respond-async' };

test('without a queue the preference is not followed: the answer is the answer', async () => {
  const { port } = await fakePredictor();
  const { port: http } = await gateway(port);
  const answer = await ask(http, INFER, { body: BODY, headers: ASYNC });
  expect(answer.status).toBe(200);
  expect(answer.headers['preference-applied']).toBeUndefined();
  expect((await ask(http, '/v2/jobs/x')).status).toBe(404);
});

test('while Redis is away jobs get 503, everything else is served, and the gateway is ready', async () => {
  const { port } = await fakePredictor();
  const redis = await freePort();
  const opened = await gateway(port, `--queue_redis=redis://127.0.0.1:${redis}`);
  const answer = await ask(opened.port, INFER, { body: BODY, headers: ASYNC });
  expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  expect(answer.json.error).toContain(`the queue at 127.0.0.1:${redis} cannot be asked`);
  expect((await ask(opened.port, `/v2/jobs/${'x'.repeat(22)}`)).status).toBe(503);
  expect((await ask(opened.port, INFER, { body: BODY })).status).toBe(200);
  expect((await ask(opened.port, '/v2/health/ready')).status).toBe(200);
  const metrics = await ask(opened.port, '/metrics');
  expect(metrics.status).toBe(200);
  expect(String(metrics.body)).not.toMatch(/^muster_gateway_queue_jobs /m);
  expect(opened.log.filter((line) => line.includes('the queue at'))).toHaveLength(1);
  await opened.drain();
});
