/**
 * Takeover by supervision: muster starts the server as its child, passes signals on, and says what its end means.
 */
import type { Command } from '../../process/command.ts';
import { type Child, start } from '../../process/spawn.ts';
import type { Plan } from '../plan/plan.ts';
import type { Ending } from '../rally/rally.ts';

export interface Supervised {
  readonly child: Child;
  /** What the end of the server means for the group, when nobody asked for it. */
  readonly ended: Promise<Ending>;
}

export async function supervise(plan: Plan, command: Command): Promise<Supervised> {
  const child = await start(command, { stdio: 'inherit' });
  return { child, ended: child.exited.then((status) => meaningOf(plan, status)) };
}

/**
 * The meaning of an exit that nobody asked for. A server is not supposed to end: vLLM exits 0 when its engine is lost
 * (facts: vllm, kill of a worker), so under `launch` even 0 is a failure. A command of `muster run` may end as it likes.
 */
export function meaningOf(
  { command, member, runtime }: Pick<Plan, 'command' | 'member' | 'runtime'>,
  status: number,
): Ending {
  const culprit = member.value;
  if (command === 'run') {
    return status === 0
      ? {
          code: 'DONE',
          exitStatus: 0,
          message: `the command of ${culprit} ended with status 0`,
          hint: 'Nothing to do.',
          culprit,
        }
      : {
          code: 'SERVER_EXITED',
          exitStatus: status,
          message: `the command of ${culprit} ended with status ${status}`,
          hint: 'Its own output above says why.',
          culprit,
        };
  }
  const words = status > 128 ? `was ended by signal ${status - 128}` : `ended with status ${status}`;
  return {
    code: 'SERVER_EXITED',
    exitStatus: status === 0 ? 81 : status,
    message: `the server ${runtime.value} of ${culprit} ${words}, and nobody had asked it to`,
    hint:
      status === 137
        ? 'SIGKILL often is the kernel out of memory: look at the memory limit of the container.'
        : 'Its own output above says why.',
    culprit,
  };
}
