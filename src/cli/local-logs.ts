/** `muster local logs`: what all members, or some, have said, in one order. */
import { isatty } from 'node:tty';
import { EXIT, type ExitStatus } from '../errors.ts';
import type { Docker } from '../local/docker.ts';
import { follow, history, type MemberLine, type Source } from '../local/logs.ts';
import { look } from '../local/look.ts';
import { findMember } from '../local/members.ts';
import { coloured } from '../local/show.ts';
import { printable } from '../printable.ts';
import { signalNumber } from '../process/signals.ts';
import type { World } from '../world.ts';
import type { Asked } from './local.ts';
import { theGroup } from './local-group.ts';
import { untilStopped } from './until-stopped.ts';

export async function logsCommand(world: World, { settings, words }: Asked<'logs'>): Promise<ExitStatus> {
  const { docker, group } = await theGroup(world, settings.name);
  const sights =
    words.length > 0
      ? await Promise.all(words.map((each) => findMember(docker, group, each)))
      : await look(docker, group);
  const sources = sights.map(({ id, name, marks }) => ({ id, name, ordinal: marks.ordinal }));
  const stop = untilStopped(world);
  try {
    await showLogs(world, docker, sources, {
      follow: settings.follow?.value === true,
      tail: settings.tail?.value,
      signal: stop.signal,
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error; // the reader has seen enough
  } finally {
    stop.close();
  }
  return stop.by() === undefined ? EXIT.ok : 128 + signalNumber(stop.by() ?? 'SIGINT');
}

export interface LogView {
  readonly follow: boolean;
  /** Of each member; undefined: all. */
  readonly tail: number | undefined;
  readonly signal: AbortSignal;
}

/** Resolves at the end of the logs, or, when they are followed, with `signal` or once nobody is left. */
export async function showLogs(
  world: World,
  docker: Docker,
  sources: readonly Source[],
  { follow: goOn, tail, signal }: LogView,
): Promise<void> {
  const width = Math.max(0, ...sources.map(({ name }) => name.length));
  const colours = isatty(1) && !world.env.NO_COLOR;
  const show = (line: MemberLine) => world.stdout(shown(line, width, colours));
  const since: Record<string, string> = {};
  const ids = new Map(sources.map(({ id, name }) => [name, id]));
  for await (const line of history(docker, sources, tail)) {
    if (signal.aborted) return;
    since[ids.get(line.member) ?? ''] = line.at;
    show(line);
  }
  if (goOn) await follow(docker, sources, { since, signal, show });
}

/** Time of day (UTC, as Docker stamped it), who, words. */
function shown({ at, member, ordinal, text }: MemberLine, width: number, colours: boolean): string {
  const who = member.padEnd(width);
  return `${at.slice(11, 23)}Z ${colours ? coloured(ordinal, who) : who}  ${printable(text.replace(COLOURS, ''))}\n`;
}

/** A server that colours its words does not colour ours. */
const COLOURS = new RegExp(`${'\\u001b'}\\[[0-9;]*m`, 'g');
