/** `muster local up`: makes a group, follows how it comes up, and stays with it; `render` prints it as a compose file. */
import { randomBytes } from 'node:crypto';
import { isatty } from 'node:tty';
import { EXIT, type ExitStatus, MusterError } from '../errors.ts';
import { findRuntime } from '../launch/catalogue/catalogue.ts';
import type { Runtime } from '../launch/catalogue/schema.ts';
import { lookAtModel } from '../launch/facts/model-directory.ts';
import { bringUp, MemberEnded } from '../local/bring-up.ts';
import { checkCapacity, shareOfGpus } from '../local/capacity.ts';
import { chooseGroup } from '../local/choose-group.ts';
import { composeText } from '../local/compose-text.ts';
import { create } from '../local/create.ts';
import { connect, type Docker } from '../local/docker.ts';
import { foresee } from '../local/foresee.ts';
import type { Group } from '../local/group.ts';
import { ensureImage } from '../local/image.ts';
import { lateMembers } from '../local/late.ts';
import { groupNames } from '../local/look.ts';
import { machineOf } from '../local/machine.ts';
import { provide } from '../local/provide.ts';
import { openScreen, type Screen } from '../local/screen.ts';
import type { Sight } from '../local/sight.ts';
import { sweep } from '../local/sweep.ts';
import { printable } from '../printable.ts';
import { signalNumber } from '../process/signals.ts';
import { portFree, takenBy } from '../wire/port.ts';
import type { World } from '../world.ts';
import { type Asked, noWords, usage } from './local.ts';
import { showLogs } from './local-logs.ts';
import { refuseIfAny, shelvesOf } from './prepare.ts';
import { type Stop, untilStopped } from './until-stopped.ts';

interface Drafted {
  readonly group: Group;
  readonly runtime: Runtime;
  /** On this machine; undefined: the same as in the container. */
  readonly port: number | undefined;
}

export async function renderCommand(world: World, asked: Asked<'render'>): Promise<ExitStatus> {
  const { group } = settle(await draft(world, 'render', asked), {});
  world.stdout(composeText(group));
  return EXIT.ok;
}

export async function upCommand(world: World, asked: Asked<'up'>): Promise<ExitStatus> {
  const drafted = await draft(world, 'up', asked);
  const late = lateMembers(asked.settings.late?.value ?? [], drafted.group);
  refuseIfAny(late.refusals);
  const docker = await connect(world.env);
  const stop = untilStopped(world);
  const screen = openScreen({
    columns: isatty(2) ? () => process.stderr.columns ?? 80 : undefined,
    write: world.stderr,
    title: titleOf(drafted.group),
    now: world.now,
  });
  let mine: Group | undefined;
  try {
    const { group, muster, user } = await prepareGroup(world, docker, drafted, { asked, stop, screen });
    mine = group;
    const making = { docker, group, user, token: randomBytes(32).toString('base64'), muster, signal: stop.signal };
    const ids = await create(making);
    const sights = await bringUp({
      docker,
      group,
      ids,
      late: late.seconds,
      screen,
      signal: stop.signal,
      now: world.now,
    });
    await announce(world, screen, sights, asked.settings.ui?.value === true);
    if (asked.settings.detach?.value) {
      mine = undefined; // it is the user's from here on
      return EXIT.ok;
    }
    const sources = sights.map(({ id, name, marks }) => ({ id, name, ordinal: marks.ordinal }));
    await showLogs(world, docker, sources, { follow: true, tail: TAIL, signal: stop.signal });
  } catch (error) {
    if (error instanceof MemberEnded)
      for (const line of error.member.lines) screen.say(`${error.member.name} | ${line}`);
    if (stop.by() === undefined && (error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  } finally {
    if (mine !== undefined) await takeDown(docker, mine, stop, screen);
    stop.close();
  }
  return stop.by() === undefined ? EXIT.ok : 128 + signalNumber(stop.by() ?? 'SIGINT');
}

/** Lines of each member that are shown before those that follow. */
const TAIL = 10;

/** What can be known without Docker. @throws MusterError with every refusal */
async function draft(
  world: World,
  verb: 'up' | 'render',
  { settings, words, theirs }: Asked<'render'>,
): Promise<Drafted> {
  noWords(verb, words, 1);
  const [name] = words;
  if (name === undefined) {
    throw usage(
      `muster local ${verb} was given no runtime`,
      `Write: muster local ${verb} --image IMAGE RUNTIME -- [SERVER ARGS].`,
    );
  }
  const { runtime } = await findRuntime(
    name,
    shelvesOf(world, settings.runtimes ? { runtimes: settings.runtimes } : {}),
  );
  const life = randomBytes(8).toString('hex');
  const typed = { settings, runtime, serverArgs: theirs, env: world.env, cwd: world.cwd, life };
  const { group, refusals } = chooseGroup(typed);
  refuseIfAny(refusals);
  return { group, runtime, port: settings.port?.value };
}

/** The plan of the members, as they will make it. @throws MusterError with what they would refuse */
function settle({ group, runtime, port }: Drafted, imageEnv: Readonly<Record<string, string>>): { group: Group } {
  const model = group.modelDir === undefined ? undefined : lookAtModel(group.modelDir);
  const foreseen = foresee({ group, runtime, imageEnv, model, port });
  if ('refusals' in foreseen) refuseIfAny(foreseen.refusals);
  if (!('group' in foreseen)) throw new Error('a group that is not refused is a group');
  return foreseen;
}

interface Prepare {
  readonly asked: Asked<'up'>;
  readonly stop: Stop;
  readonly screen: Screen;
}

/** Everything that can be refused before anything is made. */
async function prepareGroup(world: World, docker: Docker, drafted: Drafted, { asked, stop, screen }: Prepare) {
  const machine = await machineOf(docker);
  const gpus = asked.settings.gpus?.value ?? shareOfGpus(drafted.group.members, machine.gpus);
  const { image } = drafted.group;
  const pull = asked.settings.pull?.value ?? 'missing';
  await refuseTaken(docker, drafted.group);
  refuseIfAny(checkCapacity({ ...drafted.group, gpus }, machine, 0));
  const { env: imageEnv, user } = await ensureImage(docker, { image, pull, signal: stop.signal, say: screen.say });
  const { group } = settle({ ...drafted, group: { ...drafted.group, gpus } }, imageEnv);
  if (group.server) await refusePort(group.server.here);
  stop.signal.throwIfAborted();
  const { entries, bytes } = await provide(world);
  refuseIfAny(checkCapacity(group, machine, bytes));
  stop.signal.throwIfAborted();
  return { group, muster: entries, user };
}

async function refuseTaken(docker: Docker, { name, members }: Group): Promise<void> {
  const wanted = new Set(Array.from({ length: members }, (_, ordinal) => `/${name}-${ordinal}`));
  const [groups, containers] = await Promise.all([
    groupNames(docker),
    docker.ask('list the containers', (api) => api.listContainers({ all: true })),
  ]);
  const taken = containers.flatMap(({ Names }) => Names).find((each) => wanted.has(each));
  if (!groups.includes(name) && taken === undefined) return;
  throw new MusterError({
    code: 'NAME_TAKEN',
    message: groups.includes(name)
      ? `there is a group "${name}" already`
      : `there is a container "${taken?.slice(1)}" already`,
    hint: `Choose another name with --name${groups.includes(name) ? `, or take that one down: muster local down --name ${name}` : ''}.`,
  });
}

async function refusePort(port: number): Promise<void> {
  const free = await portFree('127.0.0.1', port);
  if (free === true) return;
  throw new MusterError({
    code: 'PORT_TAKEN',
    message: `port ${port} on 127.0.0.1 ${takenBy(free.owner)}`,
    hint: 'Give another one with --port, or end what listens there.',
  });
}

const titleOf = ({ name, members, image, runtime, like }: Group): string =>
  `${name}: ${members} members, ${runtime}, like ${like}, from ${image}`;

async function announce(world: World, screen: Screen, sights: readonly Sight[], open: boolean): Promise<void> {
  const head = sights.find(({ marks }) => marks.ordinal === 0);
  const server = head?.ports.server === undefined ? '' : `; server at http://127.0.0.1:${head.ports.server}`;
  const page = head?.ports.probe === undefined ? undefined : `http://127.0.0.1:${head.ports.probe}/`;
  screen.say(`${head?.marks.group} is ready${server}${page === undefined ? '' : `; page at ${page}`}`);
  if (open && page !== undefined) {
    const opened = await (await import('../process/open-in-browser.ts')).openInBrowser(page, world.env);
    if (!opened) screen.say('no browser can be opened from here');
  }
}

async function takeDown(docker: Docker, { name, life }: Group, { hurry }: Stop, screen: Screen): Promise<void> {
  screen.say(`taking ${name} down`);
  try {
    await sweep(docker, name, { graceSeconds: undefined, life, hurry });
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    screen.say(printable(`${name} is not down: ${words}; see \`muster local down --name ${name}\``));
  }
}
