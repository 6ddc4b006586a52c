/** Being PID 1 under supervision: once under tini, or one warning. With exec takeover the server gets the tini instead. */
import { findTini, initPlan, UNDER_INIT, underTini } from '../process/init.ts';
import { replace } from '../process/replace.ts';
import type { Launch } from './launch.ts';

/** Does not return when it starts this program again under tini. */
export async function settle({ plan, world, log }: Pick<Launch, 'plan' | 'world' | 'log'>): Promise<void> {
  const tini = findTini(world.env.PATH ?? '');
  const todo = initPlan({ pid: world.pid, env: world.env, tini });
  if (todo === 'warn') {
    log.warn(
      'this is PID 1 and there is no tini: orphans stay zombies. Use ENTRYPOINT ["tini", "-g", "--", "muster"], or docker run --init',
    );
  }
  if (todo !== 'reparent' || !tini || plan.takeover.value === 'exec') return;
  const [program = '', ...args] = world.again;
  const env = Object.entries(world.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  replace(underTini(tini, { argv: [program, ...args], env: { ...Object.fromEntries(env), [UNDER_INIT]: '1' } }), {
    warn: log.warn,
  });
}
