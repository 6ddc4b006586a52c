/**
 * Packets get through in one direction only. Two network namespaces and a cable; one end believes that the other has another
 * hardware address, so what it sends is dropped where it arrives, while it hears everything. Needs root and iproute2.
 */
import { execFileSync } from 'node:child_process';
import { beforeEach } from 'vitest';
import { BIN, expectEnd, type Muster, RUNTIMES, type Stage, test } from '../support/stage.ts';

const LEASE_SECONDS = 1;
const PATIENCE_MS = 60_000;
const ADDRESSES = ['10.213.7.1', '10.213.7.2'] as const;
/** Of nobody. */
const ELSEWHERE = '02:00:00:00:00:99';

const spaces = [0, 1].map((index) => `muster-${process.pid}-${index}`) as [string, string];
const ip = (...argv: readonly string[]) => execFileSync('ip', argv, { stdio: 'pipe' });

function lay(): void {
  const ends = ['a', 'b'].map((name) => `m${process.pid}${name}`.slice(-15)) as [string, string];
  for (const space of spaces) ip('netns', 'add', space);
  ip('link', 'add', ends[0], 'netns', spaces[0], 'type', 'veth', 'peer', 'name', ends[1], 'netns', spaces[1]);
  for (const [index, space] of spaces.entries()) {
    ip('-n', space, 'link', 'set', ends[index] ?? '', 'name', 'cable');
    ip('-n', space, 'address', 'add', `${ADDRESSES[index]}/24`, 'dev', 'cable');
    for (const link of ['lo', 'cable']) ip('-n', space, 'link', 'set', link, 'up');
  }
}

/** From now on nothing that `from` sends arrives. */
function cut(from: 0 | 1): void {
  const there = ADDRESSES[from === 0 ? 1 : 0];
  ip('-n', spaces[from], 'neighbour', 'replace', there, 'lladdr', ELSEWHERE, 'nud', 'permanent', 'dev', 'cable');
}

function remove(): void {
  for (const space of spaces) {
    try {
      ip('netns', 'delete', space);
    } catch {
      // It was not made.
    }
  }
}

beforeEach(({ skip, onTestFinished }) => {
  if (process.getuid?.() !== 0) skip('a network namespace needs root');
  onTestFinished(remove);
  try {
    lay();
  } catch (error) {
    skip(`no network namespaces can be made here: ${error}`);
  }
});

async function aGroup(stage: Stage): Promise<readonly [Muster, Muster]> {
  // Nobody else is in those networks: the ports are the usual ones.
  const member = (rank: 0 | 1) => {
    const place = ['--world-size=2', `--rank=${rank}`, `--member=${rank === 0 ? 'head' : 'worker-1'}`, '--restarts=0'];
    const addresses = [`--head-address=${ADDRESSES[0]}`, `--address=${ADDRESSES[rank]}`, '--insecure'];
    const ours = [...place, ...addresses, `--lease=${LEASE_SECONDS}`, `--runtimes=${RUNTIMES}`];
    const program = ['ip', 'netns', 'exec', spaces[rank], process.execPath, BIN] as const;
    return stage.start(['launch', 'model-server', ...ours], { program });
  };
  const members = [member(0), member(1)] as const;
  await members[1].said(/the whole group is ready/, PATIENCE_MS);
  return members;
}

test.for([
  {
    from: 1,
    what: 'the worker is no longer heard',
    head: /worker-1 \(rank 1\) stopped beating/,
    worker: /generation 1 ended: /,
  },
  {
    from: 0,
    what: 'the head is no longer heard',
    head: /generation 1 ended: /,
    worker: /the head head stopped beating/,
  },
] as const)(
  '$what, though it hears: both end with 79 and say so (fault 27)',
  async ({ from, head: atHead, worker: atWorker }, { stage }) => {
    const [head, worker] = await aGroup(stage);
    cut(from);
    expectEnd(await head.ended(PATIENCE_MS), { status: 79, code: 'GROUP_LOST', says: atHead });
    expectEnd(await worker.ended(PATIENCE_MS), { status: 79, code: 'GROUP_LOST', says: atWorker });
  },
);
