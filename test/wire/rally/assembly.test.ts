import { describe, expect, test } from 'vitest';
import { aFreePort, aHead, aMember, bye, hello, refusal, TOKEN, Wire } from './fixture.ts';

const order = { serverArgs: ['--model', 'ü "x"\n', ''], values: { model: 'm' } };

describe('a group', () => {
  test.each([2, 5])('of %i assembles, prepares, starts, gets ready, in ranks', async (size) => {
    const head = await aHead({ worldSize: size });
    const members = Array.from({ length: size - 1 }, (_, index) =>
      aMember(`worker-${index + 1}`, head.port, {
        self: hello(`worker-${index + 1}`, { wantedRank: index + 1, address: '127.0.0.1' }),
      }),
    );
    const peers = await head.assembled;
    expect(peers.map(({ member }) => member)).toEqual(['head', ...members.map((_, index) => `worker-${index + 1}`)]);

    head.prepare({ address: '127.0.0.1:6379', secret: 'the secret of Ray' });
    for (const member of members)
      expect(await member.prepared).toEqual({ address: '127.0.0.1:6379', secret: 'the secret of Ray' });
    for (const member of members) member.report('engine-up');
    await head.reached('engine-up');

    head.start({ peers, ...order });
    for (const [index, member] of members.entries()) {
      expect(await member.seated).toEqual({
        rank: index + 1,
        worldSize: size,
        generation: 1,
        beatMs: 100,
        leaseMs: 1000,
      });
      expect(await member.started).toEqual({ peers: [peers[0]], ...order });
    }
    const ready = Promise.all(
      members.map(
        (member) => new Promise<void>((resolve) => member.onHeadPhase((phase) => phase === 'ready' && resolve())),
      ),
    );
    head.report('ready');
    await ready;
  });

  test('of one needs nobody', async () => {
    const head = await aHead({ worldSize: 1 });
    expect(await head.assembled).toMatchObject([{ rank: 0, member: 'head' }]);
    await head.reached('ready');
  });

  test('neither token nor engine secret is ever on the wire or in a log', async () => {
    const head = await aHead();
    const wire = await Wire.to(head.port);
    const member = aMember('worker-1', wire.port);
    head.prepare({ address: '127.0.0.1:6379', secret: 'the secret of Ray' });
    expect((await member.prepared).secret).toBe('the secret of Ray');
    expect(wire.seen.includes('127.0.0.1:6379')).toBe(true);
    for (const secret of [TOKEN, 'the secret of Ray']) {
      expect(wire.seen.includes(secret)).toBe(false);
      expect([...head.ear.lines, ...member.ear.lines].join('')).not.toContain(secret);
    }
  });

  test('without tokens is open', async () => {
    const head = await aHead({ token: undefined });
    const member = aMember('worker-1', head.port, { token: undefined });
    await head.assembled;
    head.prepare({ address: 'h:1', secret: 's' });
    expect(await member.prepared).toEqual({ address: 'h:1', secret: 's' });
  });

  test('of large start orders: 300 KB of arguments', async () => {
    const head = await aHead();
    const member = aMember('worker-1', head.port);
    const peers = await head.assembled;
    const serverArgs = ['--config', 'x'.repeat(300_000)];
    head.start({ peers, serverArgs, values: {} });
    expect((await member.started).serverArgs).toEqual(serverArgs);
  });

  test('a start order that is too long is refused here, not lost on the way', async () => {
    const head = await aHead({ worldSize: 1 });
    const peers = await head.assembled;
    expect(() => head.start({ peers, serverArgs: ['x'.repeat(5_000_000)], values: {} })).toThrow(/5000\d+ bytes/);
  });
});

describe('who waits says for whom, and at which layer', () => {
  test('the head names the missing rank; the member its seat and the missing', async () => {
    const head = await aHead({ worldSize: 3 });
    const member = aMember('worker-1', head.port);
    await head.ear.hears(/waiting \S+ s of 15 s: 1 of 3 members missing: rank 2; next step: /);
    await member.ear.hears(/seated as rank 1, 1 of 3 members missing: rank 2/);
    aMember('worker-2', head.port);
    await member.ear.hears(/seated as rank 1, all 3 members are in; the head is in phase joined/);
  });

  test('a head that comes late is joined within 1.5 s (fault 16)', async () => {
    const port = await aFreePort();
    const pausesAreLongest = Promise.withResolvers<void>();
    let attempts = 0;
    const lookup = async (host: string) => {
      attempts += 1;
      if (attempts === 8) pausesAreLongest.resolve();
      return [host];
    };
    const member = aMember('worker-1', port, { lookup });
    await member.ear.hears(/for the head 127.0.0.1:\d+: TCP: 127.0.0.1:\d+ refuses \(ECONNREFUSED\); next step: /);
    await pausesAreLongest.promise;
    const came = performance.now();
    await aHead({ port });
    await member.seated;
    expect(performance.now() - came).toBeLessThan(10_000);
  });

  test('a name that resolves late, and to a dead address first (fault 17)', async () => {
    const head = await aHead();
    let asked = 0;
    const lookup = async (host: string) => {
      asked += 1;
      expect(host).toBe('muster-head.ns.svc');
      if (asked < 3) throw Object.assign(new Error('no'), { code: 'ENOTFOUND' });
      return ['::1', '127.0.0.1'];
    };
    const member = aMember('worker-1', 0, { head: { host: 'muster-head.ns.svc', port: head.port }, lookup });
    await member.ear.hears(/DNS: the name does not resolve \(ENOTFOUND\)/);
    expect((await member.seated).rank).toBe(1);
  });

  test('a head that never comes: 69, naming the layer', async () => {
    const member = aMember('worker-1', await aFreePort(), { timeoutMs: 3_000 });
    const error = await refusal(member.seated);
    expect(error).toMatchObject({ code: 'HEAD_UNREACHABLE', exitStatus: 69 });
    expect(error.message).toMatch(/was not reached in 3 s; last: TCP: 127.0.0.1:\d+ refuses \(ECONNREFUSED\)/);
    expect(await member.ended).toMatchObject({ code: 'HEAD_UNREACHABLE' });
  });

  test('a group that never completes: 75 everywhere, naming the missing (fault 23)', async () => {
    const head = await aHead({ worldSize: 3, timeoutMs: 5_000 });
    const member = aMember('worker-1', head.port);
    const error = await refusal(head.assembled);
    expect(error).toMatchObject({ code: 'RALLY_TIMEOUT', exitStatus: 75 });
    expect(error.message).toContain('1 of 3 members missing: rank 2');
    expect(await member.ended).toEqual({ ...(await head.ended) });
    expect(await refusal(member.started)).toMatchObject({ exitStatus: 75, message: error.message });
  });

  test('leaving while it looks for the head ends everything at once', async () => {
    const member = aMember('worker-1', await aFreePort());
    await member.ear.hears(/TCP/);
    await member.leave(bye);
    expect(await member.ended).toEqual({ ...bye, culprit: 'worker-1' });
    expect((await refusal(member.seated)).message).toBe(bye.message);
  });
});
