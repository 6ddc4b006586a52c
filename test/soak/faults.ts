/** How each fault is done to a group, and what everybody else must then say. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { LEASE_MS, memberOf, type SoakGroup, until } from './group.ts';
import type { Fault, Kind } from './schedule.ts';

/** What must be said of a fault by everybody who is neither killed nor cut off by it. */
export interface Verdict {
  readonly code: string;
  readonly culprit: string;
  readonly says: RegExp;
  /** Who is not asked: dead, or with a story of its own. */
  readonly deaf: readonly number[];
}

/** What a fault is expected to lead to. */
export interface Hit {
  /** Undefined: nothing may happen. */
  readonly verdict: Verdict | undefined;
  /** Done once everybody has told of it: wake up, take away the hole, … */
  readonly after?: () => Promise<void>;
}

type Inject = (group: SoakGroup, fault: Fault) => Promise<Hit>;

const name = (rank: number): string => (rank === 0 ? 'the head head' : `${memberOf(rank)} \\(rank ${rank}\\)`);

const lost = (rank: number, how: string, deaf: readonly number[] = [rank]): Verdict => ({
  code: 'GROUP_LOST',
  culprit: memberOf(rank),
  says: new RegExp(`^generation \\d+ ended: ${name(rank)} ${how}`),
  deaf,
});

const serverEnded = (rank: number, how: string): Verdict => ({
  code: 'SERVER_EXITED',
  culprit: memberOf(rank),
  says: new RegExp(`the server demo-native of ${memberOf(rank)} ${how}`),
  deaf: [],
});

const CLOSED = 'closed its connection';
const SILENT = 'stopped beating [\\d.]+ s ago';
/** Who found the head silent first is back, over a line that works again, before the head has found it silent. */
const SILENT_OR_BACK = `(${SILENT}|was restarted while the group was running)`;

const killed: Inject = async (group, { rank }) => {
  await group.kill(rank);
  return { verdict: lost(rank, CLOSED), after: async () => group.start(rank) };
};

const frozen: Inject = async (group, { rank }) => {
  const { muster } = group.life(rank);
  muster.kill('SIGSTOP');
  return { verdict: lost(rank, SILENT), after: async () => muster.kill('SIGCONT') };
};

const stopped: Inject = async (group, { rank }) => {
  const { muster } = group.life(rank);
  muster.kill('SIGTERM');
  const how =
    rank === 0
      ? /^(generation \d+ ended: )?head was asked to stop/
      : /^generation \d+ ended: worker-\d \(rank \d\) was asked to stop/;
  return {
    verdict: { code: 'STOPPED', culprit: memberOf(rank), says: how, deaf: [rank] },
    after: async () => void (await muster.ended(60_000)),
  };
};

/** The second is killed while the first is awaited; then both are started again. */
const two: Inject = async (group, { rank, other }) => {
  await group.kill(rank);
  const after = async () => {
    const watcher = [1, 2, 3].find((each) => each !== rank && each !== other) ?? 0;
    const isGathering = async () =>
      (await group.status(watcher))?.phase !== 'ready' && (await group.status(watcher))?.ending === undefined;
    await until(isGathering, () => `${memberOf(watcher)} does not meet again`);
    await group.kill(other);
    group.start(other);
    group.start(rank);
  };
  return { verdict: lost(rank, CLOSED, [rank, other]), after };
};

const INJECT: Readonly<Record<Kind, Inject>> = {
  'kill-worker': killed,
  'kill-head': killed,
  'freeze-worker': frozen,
  'freeze-head': frozen,
  blink: async (group, { rank }) => {
    const { muster } = group.life(rank);
    muster.kill('SIGSTOP');
    await sleep(LEASE_MS / 3); // the fault itself
    muster.kill('SIGCONT');
    await sleep(LEASE_MS); // what it might have cost
    return { verdict: undefined };
  },
  'term-worker': stopped,
  'term-head': stopped,
  'kill-server': async (group, { rank }) => {
    process.kill(await group.server(rank), 'SIGKILL');
    return { verdict: serverEnded(rank, 'was ended by signal 9') };
  },
  'freeze-server': async (group, { rank }) => {
    process.kill(await group.server(rank), 'SIGSTOP');
    if (rank > 0) return { verdict: serverEnded(0, 'ended with status 1') }; // rank 0 gives up, for it hears nothing of it
    const says = /^the server has not answered for [\d.]+ s/;
    return { verdict: { code: 'SERVER_UNHEALTHY', culprit: 'head', says, deaf: [] } };
  },
  cut: async (group, { rank }) => {
    group.wires[rank]?.cut();
    return { verdict: lost(rank, CLOSED) };
  },
  deafen: async (group, { rank }) => {
    group.wires[rank]?.deafen();
    return { verdict: lost(rank, CLOSED) };
  },
  mute: async (group, { rank }) => {
    group.wires[rank]?.mute();
    return { verdict: lost(rank, SILENT_OR_BACK), after: async () => group.wires[rank]?.cut() };
  },
  hole: async (group, { rank }) => {
    group.wires[rank]?.mute();
    group.wires[rank]?.deafen();
    return { verdict: lost(rank, SILENT_OR_BACK), after: async () => group.wires[rank]?.cut() };
  },
  garbage: async (group) => {
    await Promise.all(GARBAGE.map((bytes) => speak(group.rallyPort, bytes())));
    return { verdict: undefined };
  },
  'kill-two': two,
  'kill-worker-then-head': two,
};

export const inject: Inject = (group, fault) => INJECT[fault.kind](group, fault);

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const GARBAGE: readonly (() => Buffer)[] = [
  () => randomBytes(10_000),
  () => Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  () => Buffer.concat([Buffer.from(PREFACE), randomBytes(2_000)]),
  () => Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), // the beginning of a TLS hello
  () => Buffer.alloc(0), // says nothing: cut off after 3 s
];

/** Until the other side has had enough of it. */
async function speak(port: number, bytes: Buffer): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => {}).resume();
  if (bytes.length > 0) socket.write(bytes);
  if (!socket.closed) await once(socket, 'close');
}
