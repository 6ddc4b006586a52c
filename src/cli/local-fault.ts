/** `muster local kill|freeze|thaw|partition|heal|restart MEMBER`: what a cluster may do to a pod, on purpose. */
import { EXIT, type ExitStatus } from '../errors.ts';
import { FAULT_WORDS, type FaultName } from '../local/faults.ts';
import { FAULTS, findMember } from '../local/members.ts';
import type { World } from '../world.ts';
import { type Asked, noWords, usage } from './local.ts';
import { theGroup } from './local-group.ts';

export async function faultCommand(world: World, verb: FaultName, asked: Asked<FaultName>): Promise<ExitStatus> {
  const [said] = asked.words;
  noWords(verb, asked.words, 1);
  if (said === undefined)
    throw usage(`muster local ${verb} was given no member`, `Write: muster local ${verb} MEMBER.`);
  const { docker, group } = await theGroup(world, asked.settings.name);
  const member = await findMember(docker, group, said);
  const stay = 'stay' in asked.settings && asked.settings.stay?.value === true;
  await FAULTS[verb](docker, member, { stay });
  world.stdout(`${member.name} ${FAULT_WORDS[verb].done}\n`);
  return EXIT.ok;
}
