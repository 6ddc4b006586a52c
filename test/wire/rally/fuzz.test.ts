/**
 * Strangers who say anything at all to the port of a group that runs. Whatever they do, the members stay, the head's
 * memory is bounded, and nobody but a member keeps a connection.
 *
 * Each schedule comes from a seed, new every run; a failure prints it, FUZZ_SEED=… plays it again.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newNonce } from '../../../src/launch/rally/auth.ts';
import { joinRally } from '../../../src/launch/rally/member.ts';
import type { RallyMember } from '../../../src/launch/rally/rally.ts';
import { FromHead, FromMember, HelloBody, PATH } from '../../../src/launch/rally/schema.ts';
import { textLog } from '../../../src/log.ts';
import fc from '../../property.ts';
import { bye, closed, hello, now } from './fixture.ts';

const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
const SIZE = 3;
/** What `openDoor` is given for a group of this size. */
const MAX_CONNECTIONS = 4 * SIZE + 64;
/** Generous: a flood of 5 MB messages would be hundreds. */
const MAX_GROWTH_MIB = 120;

interface Target {
  readonly port: number;
  ask(): Promise<{ readonly rssMib: number; readonly ended: string | undefined }>;
  readonly members: readonly RallyMember[];
  close(): Promise<unknown>;
}
let target: Target;
let rssBefore = 0;

beforeAll(async () => {
  target = await aGroup();
  rssBefore = (await target.ask()).rssMib;
});
afterAll(() => target.close());

/** A head of its own process, and members here, all started. */
async function aGroup(): Promise<Target> {
  const program = fileURLToPath(new URL('head-program.ts', import.meta.url));
  const child = spawn(process.execPath, [program, String(SIZE)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? '{}');
  const { port } = await next();
  const members = ['a', 'b'].map((name) =>
    joinRally({
      head: { host: '127.0.0.1', port },
      self: hello(name, { address: '127.0.0.1' }),
      token: undefined,
      timeoutMs: 15_000,
      progressMs: 60_000,
      log: textLog({ level: 'error', now, write: () => {} }),
      now,
    }),
  );
  await Promise.all(members.map(({ started }) => started));
  const ask = () => {
    child.stdin.write('\n');
    return next();
  };
  const close = async () => {
    await Promise.all(members.map((member) => member.leave(bye)));
    child.kill('SIGKILL');
  };
  return { port, ask, members, close };
}

/** The group runs as if nobody had come. */
async function unharmed(): Promise<void> {
  const { rssMib, ended } = await target.ask();
  expect(ended).toBeUndefined();
  expect(rssMib - rssBefore).toBeLessThan(MAX_GROWTH_MIB);
  const gone = Promise.race(target.members.map((member) => member.ended));
  expect(await Promise.race([gone, Promise.resolve('there')])).toBe('there');
}

/** Says these bytes and no more; resolves when the head has hung up, or has not within a moment. */
async function shout(bytes: Uint8Array): Promise<void> {
  const socket = connect(target.port, '127.0.0.1')
    .resume()
    .on('error', () => {});
  socket.end(bytes);
  await Promise.race([closed(socket), new Promise((resolve) => setTimeout(resolve, 50))]);
  socket.destroy();
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

const frame = fc
  .record({
    /** Announced; undefined: the true one. */
    length: fc.option(fc.nat({ max: 2 ** 24 - 1 }), { nil: undefined }),
    type: fc.nat({ max: 12 }),
    flags: fc.nat({ max: 255 }),
    stream: fc.oneof(fc.constantFrom(0, 1, 3), fc.nat({ max: 2 ** 31 - 1 })),
    payload: fc.uint8Array({ maxLength: 300 }),
  })
  .map(({ length, type, flags, stream, payload }) => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(length ?? payload.length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, payload]);
  });

/** All that a well-behaved visitor says up to its Open: what to damage. */
async function aRecording(): Promise<Buffer> {
  const said: Buffer[] = [];
  const { createServer } = await import('node:net');
  const tap = createServer((near) => {
    const far = connect(target.port, '127.0.0.1');
    near.on('data', (data) => said.push(data)).on('error', () => far.destroy());
    far.on('error', () => near.destroy());
    near.pipe(far).pipe(near);
  });
  await once(tap.listen(0, '127.0.0.1'), 'listening');
  const { port } = tap.address() as { port: number };
  await converse(port, [anOpen(), aHello()]);
  tap.close();
  return Buffer.concat(said);
}

const anOpen = () =>
  FromMember.encode({ kind: 'open', value: { nonce: newNonce(), hasToken: false, protocol: 1, member: 'x' } });
const aHello = (who = hello('stranger', { address: '127.0.0.1' })) =>
  FromMember.encode({ kind: 'hello', value: { body: HelloBody.encode(who), proof: Buffer.alloc(0) } });

const raw = (bytes: Buffer) => bytes;

/** Sends messages over a real Join until the head ends it. */
async function converse(port: number, messages: readonly Buffer[], metadata = new Metadata()): Promise<void> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const call = client.makeBidiStreamRequest(PATH.join, raw, FromHead.decode, metadata);
  call.on('data', () => {});
  const over = new Promise<void>((resolve) => call.on('status', () => resolve()).on('error', () => resolve()));
  for (const message of messages) call.write(message);
  call.end();
  await over;
  client.close();
}

describe('a group that runs is unharmed by', () => {
  test('bytes that are no HTTP/2, and frames that are none (fault 24)', async () => {
    const garbage = fc.uint8Array({ maxLength: 2000 });
    const frames = fc
      .array(frame, { maxLength: 12 })
      .map((all) => Buffer.concat([PREFACE, EMPTY_SETTINGS, ...all]) as Uint8Array);
    const property = fc.asyncProperty(fc.oneof(garbage, frames), async (bytes) => {
      await shout(bytes);
      await unharmed();
    });
    await fc.assert(property, { numRuns: 60, seed: SEED, endOnFailure: true });
  });

  test('a visit that is cut off, or has bytes changed, repeated or left out (fault 25)', async () => {
    const recording = await aRecording();
    const damage = fc.record({
      at: fc.nat({ max: recording.length - 1 }),
      how: fc.constantFrom('cut', 'change', 'repeat', 'omit'),
      length: fc.integer({ min: 1, max: 40 }),
      by: fc.nat({ max: 255 }),
    });
    const property = fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 4 }), async (all) => {
      await shout(all.reduce(damaged, recording));
      await unharmed();
    });
    await fc.assert(property, { numRuns: 60, seed: SEED, endOnFailure: true });
  });

  test('messages in any order, with any values (fault 25)', async () => {
    const words = fc.string({ maxLength: 30 });
    const bytes = fc.uint8Array({ maxLength: 64 });
    const ending = fc.record({
      code: words,
      exitStatus: fc.nat(),
      message: words,
      hint: words,
      culprit: fc.option(words, { nil: undefined }),
    });
    const message = fc
      .oneof(
        fc.record({ kind: fc.constant('open'), value: fc.record({ nonce: bytes, protocol: fc.nat(), member: words }) }),
        fc.record({ kind: fc.constant('hello'), value: fc.record({ body: bytes, proof: bytes }) }),
        fc.record({
          kind: fc.constant('report'),
          value: fc.record({ phase: fc.constantFrom('ready', 'stopping', undefined) }),
        }),
        fc.record({ kind: fc.constant('leave'), value: fc.record({ ending }) }),
        fc.constant({ kind: 'handOver', value: {} }),
      )
      .map((said) => {
        const value = said.kind === 'open' ? { hasToken: false, ...said.value } : said.value;
        return FromMember.encode({ kind: said.kind, value } as NonNullable<FromMember>);
      });
    const who = fc.record({
      member: fc.constantFrom('a', 'head', 'x', 'x\n', ''),
      wantedRank: fc.option(fc.nat({ max: 4 }), { nil: undefined }),
      preferredRank: fc.option(fc.nat(), { nil: undefined }),
      terms: fc.dictionary(words, words, { maxKeys: 3 }),
    });
    // A stranger with the name and incarnation of a member is that member to a head without a token: not played here.
    const strangers = who.map((how) =>
      aHello(hello(how.member, { ...how, address: '127.0.0.1', versions: { x: '1' } })),
    );
    const said = fc.oneof(
      { weight: 3, arbitrary: message },
      { weight: 1, arbitrary: strangers.filter((bytesOf) => !bytesOf.includes(Buffer.from('\x0a\x01a'))) },
      { weight: 1, arbitrary: bytes.map((each) => Buffer.from(each)) },
    );
    const property = fc.asyncProperty(fc.boolean(), fc.array(said, { maxLength: 6 }), async (opens, messages) => {
      await converse(target.port, opens ? [anOpen(), ...messages] : messages);
      await unharmed();
    });
    await fc.assert(property, { numRuns: 60, seed: SEED, endOnFailure: true });
  });

  test('forty messages of 5 MB and a hundred headers of 70 KB at once (fault 24)', async () => {
    const huge = Buffer.alloc(5_000_000, 1);
    for (let round = 0; round < 5; round += 1)
      await Promise.all(Array.from({ length: 8 }, () => converse(target.port, [anOpen(), anOpen(), huge])));
    const metadata = new Metadata();
    metadata.set('x', 'y'.repeat(70_000));
    for (let round = 0; round < 5; round += 1)
      await Promise.all(Array.from({ length: 20 }, () => converse(target.port, [], metadata)));
    await unharmed();
  });

  test('four thousand streams that are opened and reset at once', async () => {
    const session = connectHttp2(`http://127.0.0.1:${target.port}`).on('error', () => {});
    await once(session, 'connect');
    for (let round = 0; round < 40 && !session.destroyed; round += 1) {
      for (let count = 0; count < 100 && !session.destroyed; count += 1) {
        const stream = session.request({ ':method': 'POST', ':path': PATH.join, 'content-type': 'application/grpc' });
        stream.on('error', () => {}).close(8);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    session.destroy();
    await unharmed();
  });

  test('three thousand connections that say nothing: capped, and closed by the first-byte deadline (fault 24)', async () => {
    const open = new Set<Socket>();
    const allClosed: Promise<unknown>[] = [];
    for (let wave = 0; wave < 10; wave += 1) {
      for (let count = 0; count < 300; count += 1) {
        const socket = connect(target.port, '127.0.0.1')
          .resume()
          .on('error', () => {});
        open.add(socket);
        allClosed.push(closed(socket).then(() => open.delete(socket)));
      }
      await unharmed();
    }
    // What one head holds at once is bounded; the rest was hung up on as it came.
    while (open.size > MAX_CONNECTIONS) await new Promise((resolve) => setTimeout(resolve, 10));
    await unharmed();
    await Promise.all(allClosed);
    expect(open.size).toBe(0);
    await unharmed();
  });
});

interface Damage {
  readonly at: number;
  readonly how: string;
  readonly length: number;
  readonly by: number;
}

function damaged(bytes: Buffer, { at, how, length, by }: Damage): Buffer {
  const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)];
  if (how === 'cut') return before;
  if (how === 'omit') return Buffer.concat([before, after]);
  if (how === 'repeat') return Buffer.concat([before, part, part, after]);
  return Buffer.concat([before, part.map((byte) => byte ^ by), after]);
}
