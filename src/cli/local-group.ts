/** Which group a command means, and Docker to ask about it. */
import { MusterError } from '../errors.ts';
import type { Sourced } from '../launch/args/options.ts';
import { connect, type Docker } from '../local/docker.ts';
import { groupNames } from '../local/look.ts';
import type { World } from '../world.ts';

/** Group and Docker of a command that works on a group which is there. @throws MusterError GROUP_MISSING (66), USAGE */
export async function theGroup(
  world: World,
  name: Sourced<string> | undefined,
): Promise<{ readonly docker: Docker; readonly group: string }> {
  const docker = await connect(world.env);
  return { docker, group: pick(await groupNames(docker), name?.value) };
}

/** The one that is named, or the only one. Pure. */
export function pick(names: readonly string[], asked: string | undefined): string {
  const [only, ...others] = names;
  if (asked !== undefined && names.includes(asked)) return asked;
  if (asked === undefined && only !== undefined && others.length === 0) return only;
  if (asked === undefined && only !== undefined) {
    throw new MusterError({
      code: 'USAGE',
      message: `there are ${names.length} groups: ${names.join(', ')}`,
      hint: 'Say which one with --name.',
    });
  }
  throw new MusterError({
    code: 'GROUP_MISSING',
    message:
      asked === undefined
        ? 'there is no group'
        : `there is no group "${asked}"${only ? `; there are: ${names.join(', ')}` : ''}`,
    hint: 'Start one with `muster local up`.',
  });
}
