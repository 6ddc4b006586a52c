/** Requests that are sent again, seen by those that get them. */
import { describe, expect, test } from 'vitest';
import { ask, BODY, event, fakePredictor, gateway, INFER, INT8 } from './fixture.ts';
import { type answer, call, type Fake, fakes, frontOf, request, unavailable } from './several.ts';

/** Says UNAVAILABLE so many times, then answers. */
function failing(times: number) {
  const seen: string[] = [];
  return {
    seen,
    handlers: {
      ModelInfer: (asked: Parameters<typeof answer>[0]) => {
        seen.push(asked.headers['grpc-timeout'] ?? '');
        if (seen.length <= times) return unavailable(asked);
        asked.send('ModelInferResponse', INT8([1, 2]));
        asked.end();
      },
    },
  };
}

describe('--predictor_request_retries', () => {
  test.each([
    { retries: 0, status: 503, seen: 1 },
    { retries: 1, status: 503, seen: 2 },
    { retries: 2, status: 200, seen: 3 },
  ])('$retries: a predictor that is unavailable twice → $status', async ({ retries, status, seen }) => {
    const fake = failing(2);
    const { port } = await fakePredictor(fake.handlers);
    const { port: http } = await gateway(port, `--predictor_request_retries=${retries}`);
    expect((await ask(http, INFER, { body: BODY })).status).toBe(status);
    expect(fake.seen).toHaveLength(seen);
    expect(String((await ask(http, '/metrics')).body)).toMatch(
      retries === 0 ? 'muster_gateway_retries_total' : `muster_gateway_retries_total{outcome="sent"} ${retries}`,
    );
  });

  test('each try has what is left of the deadline', async () => {
    const fake = failing(2);
    const { port } = await fakePredictor(fake.handlers);
    const { port: http } = await gateway(
      port,
      '--predictor_request_retries=2',
      '--predictor_request_timeout_seconds=99',
    );
    await ask(http, INFER, { body: BODY });
    const leftMs = fake.seen.map((each) => Number(/^(\d+)m$/.exec(each)?.[1]));
    expect(leftMs[0]).toBeLessThanOrEqual(99_000);
    // Pauses of 100 and 200 ms at least, by a timer that may be early by one, in rounded numbers.
    expect(leftMs[1]).toBeLessThanOrEqual((leftMs[0] ?? 0) - 98);
    expect(leftMs[2]).toBeLessThanOrEqual((leftMs[1] ?? 0) - 198);
  });

  test('goes to another address, when there is one', async () => {
    const several = (await fakes(2)) as [Fake, Fake];
    const [full, free] = several;
    full.does = unavailable;
    const { predictor, state } = await frontOf(several, ['--predictor_request_retries=1']);
    for (const each of several) await state(each, 'closed');
    for (let at = 0; at < 6; at += 1) await predictor.infer(request(), call());
    expect([full.infers.length, free.infers.length]).toEqual([3, 6]);
  });

  test('covers an address that dies with calls under way', async () => {
    const several = (await fakes(2)) as [Fake, Fake];
    const [mortal, other] = several;
    const reached = event();
    mortal.does = () => reached.happened();
    const { predictor, state, metric } = await frontOf(several, ['--predictor_request_retries=1']);
    for (const each of several) await state(each, 'closed');
    const asked: Promise<unknown>[] = [];
    while (mortal.infers.length === 0) {
      asked.push(predictor.infer(request(), call()));
      await Promise.race([asked.at(-1), reached.came]);
    }
    await mortal.die();
    await Promise.all(asked);
    expect(other.infers.length).toBe(asked.length);
    expect(await metric('retries_total{outcome="sent"}')).toBe(1);
  });
});
