/** `muster local exec MEMBER -- COMMAND`: runs it in the member's container; its status is ours. */
import { isatty } from 'node:tty';
import { EXIT, type ExitStatus } from '../errors.ts';
import type { Docker } from '../local/docker.ts';
import { findMember } from '../local/members.ts';
import type { World } from '../world.ts';
import { type Asked, noWords, usage } from './local.ts';
import { theGroup } from './local-group.ts';

export async function execCommand(world: World, { settings, words, theirs }: Asked<'exec'>): Promise<ExitStatus> {
  const [said] = words;
  noWords('exec', words, 1);
  if (said === undefined || !theirs || theirs.length === 0) {
    throw usage(
      'muster local exec was given no member or no command',
      'Write: muster local exec MEMBER -- COMMAND [ARGS].',
    );
  }
  const { docker, group } = await theGroup(world, settings.name);
  const member = await findMember(docker, group, said);
  const terminal = isatty(0) && isatty(1);
  const stdin = terminal || settings.interactive?.value === true;
  return runIn(docker, member, [...theirs], { terminal, stdin });
}

interface How {
  readonly terminal: boolean;
  readonly stdin: boolean;
}

async function runIn(
  docker: Docker,
  { id, name }: { readonly id: string; readonly name: string },
  command: string[],
  { terminal, stdin }: How,
): Promise<ExitStatus> {
  const exec = await docker.ask(`run ${command[0]} in ${name}`, (api) =>
    api
      .getContainer(id)
      .exec({ Cmd: command, AttachStdin: stdin, AttachStdout: true, AttachStderr: true, Tty: terminal }),
  );
  const stream = await docker.ask(`run ${command[0]} in ${name}`, () =>
    exec.start({ hijack: true, stdin, Tty: terminal }),
  );
  if (terminal) {
    process.stdin.setRawMode(true);
    const resize = () => void exec.resize({ h: process.stdout.rows, w: process.stdout.columns }).catch(() => {});
    resize();
    process.stdout.on('resize', resize);
    stream.pipe(process.stdout, { end: false });
  } else docker.api.modem.demuxStream(stream, process.stdout, process.stderr);
  if (stdin) process.stdin.pipe(stream);
  await new Promise<void>((resolve) => {
    stream
      .once('end', resolve)
      .once('close', resolve)
      .once('error', () => resolve());
  });
  if (terminal) process.stdin.setRawMode(false);
  process.stdin.unpipe(stream);
  process.stdin.pause();
  const { ExitCode } = await docker.ask('ask how it ended', async () => await exec.inspect());
  return ExitCode ?? EXIT.bug;
}
