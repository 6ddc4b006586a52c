/**
 * The entrypoint, as its stages: args → catalogue → facts → plan (src/cli/prepare.ts), then here rally → start →
 * takeover → watch. A group of one that is handed over by exec needs none of them but the last.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ExitStatus } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Command } from '../process/command.ts';
import { findTini, underTini } from '../process/init.ts';
import type { World } from '../world.ts';
import type { Sourced } from './args/options.ts';
import type { TlsKeeper } from './facts/tls-keeper.ts';
import type { Plan } from './plan/plan.ts';
import { serverCommand } from './plan/render.ts';
import type { Waiting } from './rally/rally.ts';
import { BoardKeeper } from './watch/board-keeper.ts';
import type { GroupView } from './watch/status-report.ts';

export interface Launch {
  readonly plan: Plan;
  readonly world: World;
  readonly log: Log;
  /** The group's secret. */
  readonly token: string | undefined;
  /** Certificates of the rally; undefined: it speaks without TLS. */
  readonly tls?: TlsKeeper | undefined;
  readonly life: Life;
  /** 0: none. */
  readonly probePort: Sourced<number>;
  /** Values that must never be told. */
  readonly secrets: readonly string[];
  readonly terminationLog: string | undefined;
}

/** What one life of this process remembers across generations. */
export interface Life {
  /** The group was ready once: from then on its loss is worth another generation. */
  wasReady: boolean;
  /** The server's own status, once it has ended because we were asked to stop. */
  serverStatus: ExitStatus | undefined;
  /** 128 + n of the first signal that asked us to stop, whatever the generation had ended for by then. */
  asked: ExitStatus | undefined;
  /** The rank this member had, which it would like to keep. */
  rank: number | undefined;
  readonly keeper: BoardKeeper;
  /** What the head's rally knows of all members now; undefined on a worker and between generations. */
  group: () => GroupView | undefined;
  /** What is waited for now: who is missing at the rally, in the engine, or what the server lacks. */
  waiting: () => Waiting | undefined;
  /** What the engine or the server of this member waits for, as it was told last. */
  ownWait: Waiting | undefined;
  /** The last lines of whatever was captured (Ray), for the last words. */
  lastLines: () => readonly string[];
}

export const newLife = (plan: Plan, now: () => number): Life => ({
  keeper: new BoardKeeper(
    {
      member: plan.member.value,
      role: plan.role.value,
      rank: plan.rank?.value,
      worldSize: plan.worldSize.value,
      engine: plan.engine.value,
      runtime: plan.runtime.value,
      restartLimit: plan.restarts.limit.value,
    },
    now,
  ),
  group: () => undefined,
  waiting: () => undefined,
  ownWait: undefined,
  lastLines: () => [],
  wasReady: false,
  serverStatus: undefined,
  asked: undefined,
  rank: undefined,
});

/** How the engine says what it waits for. */
export const waitsOf = (life: Life) => (waiting: Waiting | undefined) => {
  life.ownWait = waiting;
};

/** Runs the plan to its end and returns the exit status; with exec takeover it does not return. */
export async function launch(context: Launch): Promise<ExitStatus> {
  const { plan } = context;
  const alone = plan.worldSize.value === 1 && plan.engine.value !== 'ray';
  if (alone && plan.takeover.value === 'exec') return replaceAlone(context);
  return plan.role.value === 'head'
    ? (await import('./head.ts')).lead(context)
    : (await import('./worker.ts')).follow(context);
}

async function replaceAlone({ plan, world, log }: Launch): Promise<ExitStatus> {
  const alone = { rank: 0, headAddress: plan.address.value, fromHead: {}, serverArgs: [], engineEnv: {} };
  const command = serverCommand(plan, alone, world.env);
  if (!command) throw new Error('a head has a server');
  return become({ world, log }, command);
}

/**
 * The server takes our place; as PID 1 it gets an init above it, which reaps and lets SIGTERM through.
 *
 * @param stillWanted  throws when the end has come meanwhile; asked at the last moment, after every signal was heard
 */
export async function become(
  { world, log }: Pick<Launch, 'world' | 'log'>,
  command: Command,
  stillWanted: () => void = () => {},
): Promise<never> {
  const { prepareToReplace } = await import('../process/replace.ts');
  const tini = world.pid === 1 ? findTini(world.env.PATH ?? '') : undefined;
  const leap = prepareToReplace(tini ? underTini(tini, command) : command, { warn: log.warn });
  await nextTurn();
  stillWanted();
  return leap();
}
