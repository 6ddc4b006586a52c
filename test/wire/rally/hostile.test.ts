/** Strangers at the head's port, and strangers where the head should be. */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import {
  Client,
  credentials,
  type handleBidiStreamingCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { newNonce } from '../../../src/launch/rally/auth.ts';
import { FromHead, FromMember, HelloBody, PATH } from '../../../src/launch/rally/schema.ts';
import { aFreePort, aHead, aMember, aStartedGroup, closed, hello, listening, refusal } from './fixture.ts';

const raw = (bytes: Buffer) => bytes;

function aClient(port: number): Client {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  onTestFinished(() => client.close());
  return client;
}

/** Sends these bytes as messages of a Join; resolves with what came back and how it ended. */
async function visit(port: number, messages: readonly Buffer[], metadata = new Metadata()) {
  const call = aClient(port).makeBidiStreamRequest(PATH.join, raw, FromHead.decode, metadata);
  const answers: NonNullable<FromHead>[] = [];
  call.on('data', (answer: FromHead) => void (answer && answers.push(answer)));
  const ended = new Promise<number>((resolve) => {
    call.on('error', (error: ServiceError) => resolve(error.code));
    call.on('end', () => resolve(status.OK));
  });
  for (const each of messages) call.write(each);
  return { code: await ended, answers };
}

const open = (how: object = {}) =>
  FromMember.encode({ kind: 'open', value: { nonce: newNonce(), hasToken: true, protocol: 1, member: 'x', ...how } });
const helloBody = (how: object = {}) =>
  FromMember.encode({
    kind: 'hello',
    value: { body: HelloBody.encode(hello('x', { address: '127.0.0.1' })), proof: Buffer.alloc(32), ...how },
  });

describe('a stranger at the head’s port', () => {
  test.each([
    { when: '5 MB', messages: [Buffer.alloc(5_000_000, 1)], code: status.RESOURCE_EXHAUSTED, says: [] },
    {
      when: 'random bytes as a message',
      messages: [Buffer.from('ff00ff00ff', 'hex')],
      code: status.OK,
      says: ['PROTOCOL'],
    },
    {
      when: 'a word out of place, then bytes that are none',
      messages: [open(), open(), Buffer.from('56', 'hex'), Buffer.from('56', 'hex')],
      code: status.OK,
      says: ['challenge', 'PROTOCOL'],
    },
    { when: 'a hello without an open', messages: [helloBody()], code: status.OK, says: ['PROTOCOL'] },
    { when: 'a proof of zeros', messages: [open(), helloBody()], code: status.OK, says: ['challenge', 'TOKEN_WRONG'] },
    {
      when: 'no proof',
      messages: [open(), helloBody({ proof: Buffer.alloc(0) })],
      code: status.OK,
      says: ['challenge', 'TOKEN_WRONG'],
    },
    {
      when: 'that it has no token',
      messages: [open({ hasToken: false }), helloBody()],
      code: status.OK,
      says: ['challenge', 'TOKEN_WRONG'],
    },
    {
      when: 'another protocol',
      messages: [open({ protocol: 7 })],
      code: status.OK,
      says: ['challenge', 'VERSION_MISMATCH'],
    },
    { when: 'a nonce of one byte', messages: [open({ nonce: Buffer.alloc(1) })], code: status.OK, says: ['PROTOCOL'] },
    { when: 'two opens', messages: [open(), open()], code: status.OK, says: ['challenge', 'PROTOCOL'] },
    {
      when: 'a beat first',
      messages: [FromMember.encode({ kind: 'beat', value: { seq: 1, missing: 0, missingRanks: [] } })],
      code: status.OK,
      says: ['PROTOCOL'],
    },
  ])('that says $when is turned away; the members are unharmed (fault 24)', async ({ messages, code, says }) => {
    const { head, members } = await aStartedGroup(['worker-1']);
    const visited = await visit(head.port, messages);
    expect(visited.code).toBe(code);
    expect(
      visited.answers.map((answer) => (answer.kind === 'refused' ? answer.value.refusals[0]?.code : answer.kind)),
    ).toEqual(says);
    members[0]!.report('ready');
    await head.reached('ready');
  });

  test('that sends 70 KB of metadata is turned away (fault 24)', async () => {
    const head = await aHead();
    const metadata = new Metadata();
    metadata.set('x', 'y'.repeat(70_000));
    expect((await visit(head.port, [], metadata)).code).toBe(status.RESOURCE_EXHAUSTED);
  });

  test('that speaks no HTTP/2 is hung up on; members are unharmed', async () => {
    const { head, members } = await aStartedGroup(['worker-1']);
    for (const bytes of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', '\x16\x03\x01\x02\x00', Buffer.alloc(100_000, 0xfe)]) {
      const socket = connect(head.port, '127.0.0.1');
      socket.on('error', () => {}).write(bytes);
      await closed(socket.resume());
    }
    members[0]!.report('ready');
    await head.reached('ready');
  });

  test('that is silent is hung up on after 3 s; one that says half a word after 5 s (fault 24)', async () => {
    const head = await aHead();
    const silent = connect(head.port, '127.0.0.1')
      .resume()
      .on('error', () => {});
    const slow = connect(head.port, '127.0.0.1')
      .resume()
      .on('error', () => {});
    slow.write('PRI * HT');
    await Promise.all([closed(silent), closed(slow)]);
  });

  test('that comes 500 times at once meets a limit, and a member still gets in', async () => {
    const head = await aHead();
    const sockets = Array.from({ length: 500 }, () => connect(head.port, '127.0.0.1').on('error', () => {}));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
    });
    await head.ear.hears(/too many connections to the head/);
    const member = aMember('worker-1', head.port);
    expect((await member.seated).rank).toBe(1);
  });
});

describe('a stranger where the head should be', () => {
  test('HTTP/1 is named as such', async () => {
    const port = await listening(createHttpServer((_request, response) => response.end('hi')));
    const member = aMember('worker-1', port, { timeoutMs: 5_000 });
    await member.ear.hears(/hello: 127.0.0.1:\d+ is no head yet: it speaks HTTP\/1 \("HTTP\/1.1 400 Bad Request"\)/);
    expect(await refusal(member.seated)).toMatchObject({
      code: 'HEAD_UNREACHABLE',
      exitStatus: 69,
      message: expect.stringContaining('HTTP/1.1 400 Bad Request'),
    });
  });

  test('a silent port is named as such, and the head that takes its place is joined', async () => {
    const server = createServer((socket) => void socket.on('error', () => {}).resume());
    const sockets = new Set<{ destroy(): void }>();
    server.on('connection', (socket) => sockets.add(socket));
    const port = await listening(server, await aFreePort());
    const member = aMember('worker-1', port);
    await member.ear.hears(/hello: 127.0.0.1:\d+ is no head yet: it accepts the connection and says nothing for 1 s/);
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
    await aHead({ port });
    expect((await member.seated).rank).toBe(1);
  });

  test('another gRPC server is named as such', async () => {
    const server = new Server();
    server.register('/x.Y/Z', () => {}, raw, raw, 'unary');
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    onTestFinished(() => server.forceShutdown());
    const member = aMember('worker-1', port);
    await member.ear.hears(/hello: it speaks gRPC, but is no head of muster \(UNIMPLEMENTED/);
  });

  /** A gRPC server that answers an Open with these words. */
  async function aLiar(...words: readonly NonNullable<FromHead>[]): Promise<number> {
    const server = new Server();
    const lie = (call: handleBidiStreamingCall<FromMember, FromHead> extends (call: infer C) => void ? C : never) => {
      call.once('data', () => {
        for (const word of words) call.write(word);
      });
      call.on('error', () => {});
    };
    server.register(PATH.join, lie, FromHead.encode, FromMember.decode, 'bidi');
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    onTestFinished(() => server.forceShutdown());
    return port;
  }

  const challenge = (how: object = {}) =>
    ({
      kind: 'challenge',
      value: { nonce: newNonce(), proof: Buffer.alloc(32), hasToken: true, protocol: 1, ...how },
    }) as const;
  const welcome = (how: object = {}) =>
    ({
      kind: 'welcome',
      value: {
        rank: 1,
        worldSize: 2,
        generation: 1,
        beatMs: 100,
        leaseMs: 1000,
        head: 'h',
        headIncarnation: 'ab',
        headPhase: 'joined',
        leftMs: 0,
        ...how,
      },
    }) as const;
  const trusted = challenge({ hasToken: false, proof: Buffer.alloc(0) });

  test('one that cannot prove the token gets neither hello nor belief', async () => {
    const member = aMember('worker-1', await aLiar(challenge(), welcome()));
    expect(await refusal(member.seated)).toMatchObject({ code: 'TOKEN_WRONG', exitStatus: 77 });
  });

  test('one that refuses before it has proved anything is not believed', async () => {
    const refused = {
      kind: 'refused',
      value: { refusals: [{ code: 'FENCED', message: 'go', hint: '' }], retry: false },
    } as const;
    const member = aMember('worker-1', await aLiar(refused), { timeoutMs: 5_000 });
    await member.ear.hears(/hello: it says refused before it has proved that it has the token/);
    expect(await refusal(member.seated)).toMatchObject({ code: 'HEAD_UNREACHABLE' });
  });

  test.each([
    { when: 'a seat beyond the group', words: [trusted, welcome({ rank: 5 })], what: /rank 5 of 2/ },
    {
      when: 'a start before the welcome',
      words: [trusted, { kind: 'start', value: { peers: [], serverArgs: [], values: {} } }],
      what: /a start before the welcome/,
    },
    {
      when: 'an engine that is no address',
      words: [
        trusted,
        welcome(),
        { kind: 'prepare', value: { address: '--evil', secret: undefined, sealed: Buffer.alloc(0) } },
      ],
      what: /the engine address "--evil"/,
    },
    {
      when: 'a start without the head',
      words: [trusted, welcome(), { kind: 'start', value: { peers: [], serverArgs: [], values: {} } }],
      what: /0 peers, and no head among them/,
    },
  ] as const)('one that says $when: 76 (fault 19)', async ({ words, what }) => {
    const member = aMember('worker-1', await aLiar(...(words as readonly NonNullable<FromHead>[])), {
      token: undefined,
    });
    expect(await member.ended).toMatchObject({
      code: 'PROTOCOL',
      exitStatus: 76,
      message: expect.stringMatching(what),
    });
  });

  test('a proxy in the environment is not asked for the way to the head', async () => {
    const before = process.env.http_proxy;
    process.env.http_proxy = `http://127.0.0.1:${await aFreePort()}`;
    onTestFinished(() => {
      if (before === undefined) delete process.env.http_proxy;
      else process.env.http_proxy = before;
    });
    const head = await aHead();
    await aMember('worker-1', head.port).seated;
  });
});
