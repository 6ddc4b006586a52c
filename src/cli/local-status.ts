/** `muster local status`: every member of a group, or of all. Status 0: ready; 75: not ready. */
import { EXIT, type ExitStatus } from '../errors.ts';
import { connect } from '../local/docker.ts';
import { groupNames, look } from '../local/look.ts';
import { groupJson, groupText } from '../local/show.ts';
import type { World } from '../world.ts';
import { type Asked, noWords } from './local.ts';
import { pick } from './local-group.ts';

export async function statusCommand(world: World, { settings, words }: Asked<'status'>): Promise<ExitStatus> {
  noWords('status', words);
  const docker = await connect(world.env);
  const names = await groupNames(docker);
  const groups = settings.name || names.length === 0 ? [pick(names, settings.name?.value)] : names;
  const seen = await Promise.all(groups.map(async (group) => ({ group, sights: await look(docker, group) })));
  const ready = seen.map(({ group, sights }) => groupJson(group, sights));
  if (settings.json?.value) for (const each of ready) world.stdout(`${JSON.stringify(each)}\n`);
  else world.stdout(seen.map(({ group, sights }) => groupText(group, sights)).join('\n'));
  return ready.every((each) => each.ready) ? EXIT.ok : EXIT.rallyTimeout;
}
