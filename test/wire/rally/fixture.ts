/** Real heads and members on loopback, closed after each test; logs that can be waited for; a wire that can be cut. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { MusterError } from '../../../src/errors.ts';
import { openRally, type RallyHeadOptions } from '../../../src/launch/rally/head.ts';
import { joinRally, type RallyMemberOptions } from '../../../src/launch/rally/member.ts';
import type { Ending, RallyHead, RallyMember } from '../../../src/launch/rally/rally.ts';
import { type Log, textLog } from '../../../src/log.ts';
import { hello } from '../../unit/rally/fixture.ts';

export { hello, incarnation } from '../../unit/rally/fixture.ts';
export { freePort as aFreePort } from '../support/servers.ts';

export const TOKEN = 'correct horse battery staple';
export const now = (): number => performance.now();
export const bye: Ending = {
  code: 'GROUP_LOST',
  exitStatus: 79,
  message: 'the test is over',
  hint: '',
  culprit: undefined,
};

/** A log whose lines can be waited for. */
export class Ear {
  readonly lines: string[] = [];
  readonly log: Log;
  #woken: () => void = () => {};

  constructor(who: string) {
    this.log = textLog({
      level: 'debug',
      now,
      who,
      write: (line) => {
        this.lines.push(line);
        this.#woken();
      },
    });
  }

  /** The first line that matches, past or future; the test's own timeout bounds it. */
  async hears(what: RegExp): Promise<string> {
    for (;;) {
      const found = this.lines.find((line) => what.test(line));
      if (found) return found;
      await new Promise<void>((resolve) => {
        this.#woken = resolve;
      });
    }
  }
}

export interface Head extends RallyHead {
  readonly ear: Ear;
}

export async function aHead(how: Partial<RallyHeadOptions> = {}): Promise<Head> {
  const ear = new Ear('head');
  const head = await openRally({
    host: '127.0.0.1',
    port: 0,
    self: hello('head', { wantedRank: 0, address: '127.0.0.1' }),
    worldSize: 2,
    token: TOKEN,
    timeoutMs: 15_000,
    beatMs: 100,
    leaseMs: 1000,
    progressMs: 50,
    devicesNeeded: undefined,
    generation: 1,
    log: ear.log,
    now,
    ...how,
  });
  onTestFinished(() => head.stop(bye));
  return Object.assign(head, { ear });
}

export interface Member extends RallyMember {
  readonly ear: Ear;
}

export function aMember(name: string, port: number, how: Partial<RallyMemberOptions> = {}): Member {
  const ear = new Ear(name);
  const member = joinRally({
    head: { host: '127.0.0.1', port },
    self: hello(name, { address: '127.0.0.1' }),
    token: TOKEN,
    timeoutMs: 15_000,
    progressMs: 50,
    log: ear.log,
    now,
    ...how,
  });
  onTestFinished(() => member.leave(bye));
  return Object.assign(member, { ear });
}

/** What a promise was rejected with, as a MusterError; anything else fails the test. */
export async function refusal(promise: Promise<unknown>): Promise<MusterError> {
  try {
    await promise;
  } catch (cause) {
    if (cause instanceof MusterError) return cause;
    throw cause;
  }
  throw new Error('it was not refused');
}

export async function listening(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

/** Hung up on, whether in peace or by a reset, which `once` would take for a failure. */
export const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()));

/** A wire between member and head that a test can cut, silence or listen to. */
export class Wire {
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #mute = new Set<Socket>();
  #port: number;
  port = 0;
  /** Everything that went over it, both ways. */
  seen = Buffer.alloc(0);
  connections = 0;

  private constructor(port: number) {
    this.#port = port;
  }

  static async to(port: number): Promise<Wire> {
    const wire = new Wire(port);
    wire.port = await listening(createServer((near) => wire.#join(near)));
    onTestFinished(() => wire.cut());
    return wire;
  }

  /** Both sides see a broken connection. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  /** What the head says no longer arrives; nobody is told. */
  deafen(): void {
    for (const [near, far] of this.#pairs) far.unpipe(near).resume();
  }

  /** What the member says no longer arrives, not even that it is gone. */
  mute(): void {
    for (const [near, far] of this.#pairs) {
      near.unpipe(far).resume();
      this.#mute.add(near);
    }
  }

  /** New connections lead to another head. */
  redirect(port: number): void {
    this.#port = port;
  }

  #ends(from: Socket, to: Socket): void {
    if (!this.#mute.has(from)) to.destroy();
  }

  #join(near: Socket): void {
    this.connections += 1;
    const far = connect(this.#port, '127.0.0.1');
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [far, near]] as const) {
      from.on('data', (data) => {
        this.seen = Buffer.concat([this.seen, data]);
      });
      from.pipe(to);
      from
        .on('error', () => this.#ends(from, to))
        .on('close', () => {
          this.#ends(from, to);
          this.#pairs.delete(pair);
        });
    }
  }
}

/** A group that has started: head, and the members behind their own wires. */
export async function aStartedGroup(names: readonly string[], how: Partial<RallyHeadOptions> = {}) {
  const head = await aHead({ worldSize: names.length + 1, ...how });
  const wires = await Promise.all(names.map(() => Wire.to(head.port)));
  const members = names.map((name, index) => aMember(name, wires[index]!.port));
  const peers = await head.assembled;
  head.start({ peers, serverArgs: [], values: {} });
  await Promise.all(members.map(({ started }) => started));
  return { head, wires, members };
}
