/** Health and Status, as probes and people ask. */
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  HealthCheckRequest,
  HealthCheckResponse,
  PATH,
  type ServingStatus,
  StatusReply,
  StatusRequest,
} from '../../../src/launch/rally/schema.ts';
import { aHead, aMember, aStartedGroup, bye, hello, refusal, TOKEN } from './fixture.ts';

function aClient(port: number): Client {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  onTestFinished(() => client.close());
  return client;
}

const check = (port: number, service: string) =>
  new Promise<ServingStatus | undefined>((resolve, reject) => {
    const done = (error: ServiceError | null, reply?: { status: ServingStatus | undefined }) =>
      error ? reject(error) : resolve(reply?.status);
    aClient(port).makeUnaryRequest(
      PATH.check,
      HealthCheckRequest.encode,
      HealthCheckResponse.decode,
      { service },
      done,
    );
  });

const ask = (port: number) =>
  new Promise<StatusReply>((resolve, reject) => {
    const done = (error: ServiceError | null, reply?: StatusReply) => (reply ? resolve(reply) : reject(error));
    aClient(port).makeUnaryRequest(PATH.status, StatusRequest.encode, StatusReply.decode, {}, done);
  });

describe('health', () => {
  test.each(['', 'muster.rally.v1.Rally'])(
    'of %j is SERVING when the head is ready, and only then',
    async (service) => {
      const { head } = await aStartedGroup(['worker-1']);
      expect(await check(head.port, service)).toBe('NOT_SERVING');
      head.report('ready');
      expect(await check(head.port, service)).toBe('SERVING');
      head.report('stopping');
      expect(await check(head.port, service)).toBe('NOT_SERVING');
    },
  );

  test('is NOT_SERVING again as soon as the group has ended', async () => {
    const { head, members } = await aStartedGroup(['worker-1']);
    head.report('ready');
    await members[0]!.leave(bye);
    await head.ended;
    expect(await check(head.port, '')).toBe('NOT_SERVING');
  });

  test('of an unknown service: Check NOT_FOUND, Watch SERVICE_UNKNOWN and stays open', async () => {
    const head = await aHead({ worldSize: 1 });
    await expect(check(head.port, 'nope')).rejects.toMatchObject({ code: status.NOT_FOUND });
    const watch = watching(head.port, 'nope');
    expect(await watch.next()).toBe('SERVICE_UNKNOWN');
    head.report('ready');
    expect(await check(head.port, '')).toBe('SERVING');
    expect(watch.ended()).toBe(false);
  });

  test('Watch tells the present state, each change, and NOT_SERVING before it closes', async () => {
    const head = await aHead({ worldSize: 1 });
    const watch = watching(head.port, '');
    expect(await watch.next()).toBe('NOT_SERVING');
    head.report('ready');
    expect(await watch.next()).toBe('SERVING');
    await head.stop(bye);
    expect(await watch.next()).toBe('NOT_SERVING');
    expect(await watch.next()).toBe('closed');
  });
});

function watching(port: number, service: string) {
  const call = aClient(port).makeServerStreamRequest(
    PATH.watch,
    HealthCheckRequest.encode,
    HealthCheckResponse.decode,
    { service },
  );
  const seen: (string | undefined)[] = [];
  let ended = false;
  let woken = () => {};
  const see = (what: string | undefined) => {
    seen.push(what);
    woken();
  };
  call.on('data', ({ status: now }: { status: ServingStatus | undefined }) => see(now));
  call
    .on('error', () => see('closed'))
    .on('end', () => see('closed'))
    .on('end', () => (ended = true));
  const next = async () => {
    while (seen.length === 0) await new Promise<void>((resolve) => (woken = resolve));
    return seen.shift();
  };
  return { next, ended: () => ended };
}

describe('status', () => {
  test('says who is in, where, since when, who is awaited, who was refused; and no secret', async () => {
    const head = await aHead({ worldSize: 3 });
    const member = aMember('worker-1', head.port);
    await member.seated;
    await refusal(
      aMember('worker-9', head.port, {
        self: hello('worker-9', { address: '127.0.0.1', terms: { runtime: 'sglang' } }),
      }).seated,
    );
    head.prepare({ address: 'h:1', secret: 'the secret of Ray' });
    member.report('engine');
    await member.prepared;
    const reply = await ask(head.port);
    expect(reply).toMatchObject({ generation: 1, worldSize: 3, stage: 'gathering', phase: 'joined' });
    expect(reply.members).toMatchObject([
      { rank: 0, member: 'head', connected: true },
      {
        rank: 1,
        member: 'worker-1',
        connected: true,
        address: '127.0.0.1',
        incarnation: hello('worker-1').incarnation,
        devices: 2,
      },
    ]);
    expect(reply.awaited).toMatch(
      /^waiting .*1 of 3 members missing: rank 2; refused: worker-9 at 127.0.0.1 \(plan, PLAN_MISMATCH/,
    );
    expect(reply.refused).toMatchObject([{ who: 'worker-9 at 127.0.0.1', code: 'PLAN_MISMATCH', count: 1 }]);
    expect(JSON.stringify(reply)).not.toContain('secret of Ray');
    expect(JSON.stringify(reply)).not.toContain(TOKEN);
  });

  test('says why it is over', async () => {
    const { head, members } = await aStartedGroup(['worker-1']);
    expect((await ask(head.port)).awaited).toBe('nothing: the group has started');
    await members[0]!.leave(bye);
    await head.ended;
    expect(await ask(head.port)).toMatchObject({ stage: 'over', ending: { ...bye, culprit: 'worker-1' } });
  });
});
