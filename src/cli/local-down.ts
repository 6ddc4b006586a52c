/** `muster local down`: a group, or every one, without a trace. Twice is as good as once. */
import { EXIT, type ExitStatus } from '../errors.ts';
import { connect } from '../local/docker.ts';
import { groupNames } from '../local/look.ts';
import { type Swept, sweep } from '../local/sweep.ts';
import type { World } from '../world.ts';
import { type Asked, noWords } from './local.ts';
import { pick } from './local-group.ts';

export async function downCommand(world: World, { settings, words }: Asked<'down'>): Promise<ExitStatus> {
  noWords('down', words);
  const docker = await connect(world.env);
  const names = await groupNames(docker);
  const groups = settings.all?.value ? names : wanted(names, settings.name?.value);
  const hurry = new AbortController();
  const deaf = world.onSignal((signal) => {
    if (signal === 'SIGINT' || signal === 'SIGTERM') hurry.abort();
  });
  try {
    await Promise.all(
      groups.map(async (group) => {
        const how = { graceSeconds: settings.grace?.value, hurry: hurry.signal };
        world.stdout(`${group}: ${inWords(await sweep(docker, group, how))}\n`);
      }),
    );
  } finally {
    deaf();
  }
  if (groups.length === 0) world.stdout(`${settings.name?.value ?? 'no group'}: nothing is there\n`);
  return EXIT.ok;
}

/** A group that is not there is as good as down. */
const wanted = (names: readonly string[], asked: string | undefined): readonly string[] =>
  (asked === undefined ? names.length === 0 : !names.includes(asked)) ? [] : [pick(names, asked)];

const inWords = ({ containers, networks, volumes }: Swept): string =>
  `removed ${count(containers, 'container')}, ${count(networks, 'network')}, ${count(volumes, 'volume')}`;

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
