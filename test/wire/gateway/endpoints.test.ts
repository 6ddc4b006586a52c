/** One name, several addresses: which of them answers while they come, die, vanish and come back. */
import { describe, expect, test, vi } from 'vitest';
import { Failure } from '../../../src/gateway/failure.ts';
import { WireError } from '../../../src/wire/wire-error.ts';
import { ask, BODY, event, FINAL, fakePredictor, gateway, INFER, token } from './fixture.ts';
import { call, type Fake, fakes, frontOf, LONG, request } from './several.ts';

const OFTEN = '--endpoints_refresh_seconds=0.05';
const SELDOM = '--endpoints_refresh_seconds=3600';
const counts = (several: readonly Fake[]) => several.map(({ infers }) => infers.length);

describe('several addresses of a name', () => {
  test('take turns, and are called by the name', async () => {
    const several = await fakes(3);
    const { predictor, state } = await frontOf(several, [SELDOM]);
    for (const each of several) await state(each, 'closed');
    for (let at = 0; at < 9; at += 1) await predictor.infer(request(), call());
    expect(counts(several)).toEqual([3, 3, 3]);
    expect(several[2]?.infers[0]?.headers[':authority']).toBe(`predictor.test:${several[0].port}`);
  });

  test('get their calls by how many they have under way', async () => {
    const [busy, idle] = (await fakes(2)) as [Fake, Fake];
    const { predictor, state } = await frontOf([busy, idle], [SELDOM]);
    for (const each of [busy, idle]) await state(each, 'closed');
    const [stuck, reached] = [event(), event()];
    const does = busy.does;
    busy.does = (asked) => {
      reached.happened();
      stuck.came.then(() => does(asked));
    };
    const waiting: Promise<unknown>[] = [];
    while (busy.infers.length === 0) {
      const asked = predictor.infer(request(), call());
      waiting.push(asked);
      await Promise.race([asked, reached.came]);
    }
    const before = idle.infers.length;
    for (let at = 0; at < 5; at += 1) await predictor.infer(request(), call());
    expect(counts([busy, idle])).toEqual([1, before + 5]);
    stuck.happened();
    await Promise.all(waiting);
  });

  test('lose one, and no client notices; it gets nothing while it is dead, and its part when it is back', async () => {
    const several = (await fakes(3)) as [Fake, Fake, Fake];
    const [, mortal] = several;
    const { ask: send, state, metric, lines } = await frontOf(several, [SELDOM, '--predictor_request_retries=1']);
    for (const each of several) await state(each, 'closed');
    await mortal.die();
    for (let at = 0; at < 20; at += 1) await send();
    await state(mortal, 'open');
    expect(await metric('failovers_total')).toBeGreaterThan(0);
    expect(await metric('circuit_opens_total')).toBeGreaterThan(0);
    expect(lines.join('')).toContain(`${mortal.address} gets no requests until it answers`);
    const dead = mortal.infers.length;
    await mortal.start();
    await state(mortal, 'closed');
    for (let at = 0; at < 9; at += 1) await send();
    expect(mortal.infers.length).toBe(dead + 3);
    expect(lines.join('')).toContain(`${mortal.address} answers again`);
  });

  test('give an address no client’s request before it has answered', async () => {
    const several = (await fakes(2)) as [Fake, Fake];
    await several[1].die();
    const { ask: send, state, metric } = await frontOf(several, [SELDOM]);
    await send(10);
    await state(several[1], 'open');
    await send(10);
    expect(counts(several)).toEqual([20, 0]);
    expect(await metric('failovers_total')).toBe(0);
  });

  test('all dead: 503 that names them and since when, for requests and for readiness', async () => {
    const several = await fakes(2);
    const { predictor, state } = await frontOf(several, [SELDOM]);
    for (const each of several) await state(each, 'closed');
    for (const each of several) await each.die();
    const words = async (): Promise<string> => {
      const failure = await predictor.infer(request(), call()).catch((error) => error);
      expect(failure).toBeInstanceOf(Failure);
      expect([502, 503]).toContain(failure.status);
      return failure.message;
    };
    const named = new RegExp(`^no address of predictor.test:\\d+ can be reached: ${several[0].address} since \\d+ s, `);
    await vi.waitFor(async () => expect(await words()).toMatch(named), { timeout: LONG, interval: 5 });
    await expect(predictor.modelReady('m', '', call())).rejects.toMatchObject({ status: 503 });
  });

  test('are ready when one of them is', async () => {
    const several = (await fakes(2)) as [Fake, Fake];
    const { predictor, state } = await frontOf(several, [SELDOM]);
    for (const each of several) await state(each, 'closed');
    several[0].ready = false;
    for (let at = 0; at < 4; at += 1) expect(await predictor.modelReady('m', '', call())).toBe(true);
    several[1].ready = false;
    expect(await predictor.modelReady('m', '', call())).toBe(false);
  });

  test('keep the requests of one sequence together', async () => {
    const several = await fakes(3);
    const { predictor, state } = await frontOf(several, [SELDOM]);
    for (const each of several) await state(each, 'closed');
    for (let at = 0; at < 6; at += 1)
      await predictor.infer(request({ parameters: { sequence_id: 42, sequence_start: at === 0 } }), call());
    expect(counts(several).sort()).toEqual([0, 0, 6]);
  });
});

describe('the name server', () => {
  test('drops an address: it gets no new calls, ends those it has, and is let go', async () => {
    const several = (await fakes(2)) as [Fake, Fake];
    const [stays, leaves] = several;
    const { predictor, resolves, state, ask: send, metric } = await frontOf(several, [OFTEN]);
    for (const each of several) await state(each, 'closed');
    const [reached, rest] = [event(), event()];
    leaves.does = (asked) => {
      asked.send('ModelStreamInferResponse', token('one'));
      reached.happened();
      rest.came.then(() => {
        asked.send('ModelStreamInferResponse', token('two'));
        asked.send('ModelStreamInferResponse', FINAL);
        asked.end();
      });
    };
    stays.does = leaves.does;
    // Two, so that one of them is at the address that leaves.
    const texts: string[] = [];
    const streams = [0, 1].map(async () => {
      for await (const batch of predictor.stream(request(), call()))
        for (const each of batch) texts.push(String(Buffer.from(each.outputs[0]?.data ?? []).subarray(4)));
    });
    await vi.waitFor(() => expect(texts).toEqual(['one', 'one']), { timeout: LONG, interval: 5 });
    resolves(() => [stays.host]);
    const left = async () =>
      expect(await metric(`endpoints{upstream="predictor",address="${leaves.address}",state="closed"}`)).toBe(0);
    await vi.waitFor(left, { timeout: LONG, interval: 20 });
    stays.does = (asked) => asked.end(3, 'no');
    for (let at = 0; at < 5; at += 1) await expect(send()).rejects.toThrow('no');
    expect(counts(several)).toEqual([6, 1]);
    rest.happened();
    await Promise.all(streams);
    expect(texts).toEqual(['one', 'one', 'two', 'two']);
    await vi.waitFor(() => expect(leaves.sessions).toBe(0), { timeout: LONG, interval: 5 });
    resolves(() => several.map(({ host }) => host));
    await state(leaves, 'closed');
  });

  test('is asked at once when the only address is gone, and its request is answered by the new one', async () => {
    const several = (await fakes(2)) as [Fake, Fake];
    const { resolves, ask: send } = await frontOf([several[0]], [SELDOM]);
    await send();
    await several[0].die();
    resolves(() => [several[1].host]);
    await vi.waitFor(() => send(), { timeout: LONG, interval: 5 });
    expect(counts(several)).toEqual([1, 1]);
  });

  test('fails: the addresses that are known stay', async () => {
    const several = await fakes(2);
    const { resolves, ask: send, state, lines } = await frontOf(several, [OFTEN]);
    for (const each of several) await state(each, 'closed');
    const asked = event();
    let times = 0;
    resolves(() => {
      times += 1;
      if (times === 3) asked.happened();
      throw new WireError('dns', 'not-found', 'no name server');
    });
    await asked.came;
    await send(4);
    expect(lines.filter((line) => line.includes('no name server; 2 known addresses stay'))).toHaveLength(1);
  });

  test.each([
    { when: 'knows no such name', say: () => [] },
    {
      when: 'says nothing',
      say: (): readonly string[] => {
        throw new WireError('dns', 'not-found', 'no address is known for predictor.test');
      },
    },
  ])('$when: 503, until it knows one', async ({ say }) => {
    const several = await fakes(1);
    const { resolves, ask: send } = await frontOf(several, [OFTEN], say);
    await expect(send()).rejects.toMatchObject({
      status: 503,
      message: expect.stringMatching(/^the predictor .*dns: /),
    });
    resolves(() => [several[0].host]);
    await vi.waitFor(() => send(), { timeout: LONG, interval: 5 });
  });
});

describe('streams', () => {
  test('that have begun are not moved: the client hears that one broke', async () => {
    const several = await fakes(2);
    const { predictor, state } = await frontOf(several, [SELDOM]);
    for (const each of several) await state(each, 'closed');
    for (const each of several)
      each.does = (asked) => {
        asked.send('ModelStreamInferResponse', token('one'));
        setImmediate(() => asked.stream.session?.destroy());
      };
    const read = async () => {
      for await (const _ of predictor.stream(request(), call()));
    };
    await expect(read()).rejects.toMatchObject({ status: 502 });
    expect(counts(several).sort()).toEqual([0, 1]);
  });
});

test('the gateway asks the system for the addresses of a name', async () => {
  const { port } = await fakePredictor();
  const { port: http } = await gateway(port, `--predictor_host=localhost:${port}`);
  expect((await ask(http, INFER, { body: BODY })).status).toBe(200);
  expect(String((await ask(http, '/metrics')).body)).toMatch(
    new RegExp(`muster_gateway_endpoints\\{upstream="predictor",address="127.0.0.1:${port}",state="closed"\\} 1`),
  );
});
