/** Removes what dead processes of ours have left, before a generation starts. Edge of `leftovers.ts`; never throws. */
import { lstatSync, readdirSync, rmSync, type Stats, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { heldFiles } from '../../process/held-files.ts';
import { inWords, isSegment, type Leftover, mayGo, olderSessions } from './leftovers.ts';
import { isMarked } from './ray/sessions.ts';

export interface SweepOptions {
  /** @default /dev/shm */
  readonly shm?: string;
  /** Ray's temp dir; undefined: this member runs no Ray. */
  readonly rayTemp: string | undefined;
  readonly member: string;
  /** Wall clock, milliseconds: only what was changed before. */
  readonly before: number;
  readonly log: Log;
}

/** Files, or directories, in one sweep. The rest waits for the next. */
const MAX = 1_000;

/** A start that finds nothing costs one look at two directories. */
export async function sweepLeftovers({ shm = '/dev/shm', rayTemp, member, before, log }: SweepOptions): Promise<void> {
  const segments = inside(shm, isSegment, (stat) => stat.isFile());
  const ours = (name: string) => SESSION.test(name) && isMarked(join(rayTemp ?? '', name), member);
  const sessions = rayTemp === undefined ? [] : inside(rayTemp, ours, (stat) => stat.isDirectory());
  if (segments.length === 0 && sessions.length < 2) return;
  const isWanted = (path: string) =>
    isSegment(lastOf(path)) || (rayTemp !== undefined && path.startsWith(`${rayTemp}/`));
  const paths = await heldFiles(isWanted);
  const held = paths && new Set([...paths].map((path) => nameIn(path, rayTemp)));
  if (!held) log.debug('nothing is swept: a process could not be looked at');
  const rules = { uid: process.geteuid?.() ?? -1, held, before };
  const files = mayGo(segments, rules).filter(({ name }) => removed(() => unlinkSync(join(shm, name)), log));
  if (files.length > 0) log.info(`swept shared memory that no process holds: ${inWords('file', files)}`);
  const gone = mayGo(olderSessions(sessions), rules)
    .map((each) => ({ ...each, bytes: bytesBelow(join(rayTemp ?? '', each.name)) }))
    .filter(({ name }) => removed(() => rmSync(join(rayTemp ?? '', name), { recursive: true, force: true }), log));
  if (gone.length > 0) log.info(`swept old logs of Ray: ${inWords('session', gone)}`);
}

const SESSION = /^session_\d[\w-]+$/;
const lastOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The segment, or the session of Ray that holds the file. */
const nameIn = (path: string, rayTemp: string | undefined): string =>
  rayTemp !== undefined && path.startsWith(`${rayTemp}/`)
    ? (path.slice(rayTemp.length + 1).split('/')[0] ?? '')
    : lastOf(path);

function inside(directory: string, isNamed: (name: string) => boolean, isKind: (stat: Stats) => boolean): Leftover[] {
  return namesIn(directory)
    .filter(isNamed)
    .slice(0, MAX)
    .flatMap((name) => {
      const stat = lookAt(join(directory, name));
      if (!stat || !isKind(stat)) return [];
      return [{ name, bytes: stat.size, uid: stat.uid, changedAt: Math.max(stat.mtimeMs, stat.ctimeMs) }];
    });
}

const bytesBelow = (directory: string): number =>
  namesIn(directory, true).reduce((sum, name) => sum + (lookAt(join(directory, name))?.size ?? 0), 0);

function namesIn(directory: string, recursive = false): readonly string[] {
  try {
    return readdirSync(directory, { recursive, encoding: 'utf8' });
  } catch {
    return [];
  }
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined; // gone meanwhile
  }
}

function removed(remove: () => void, log: Log): boolean {
  try {
    remove();
    return true;
  } catch (error) {
    log.debug(`a leftover stays: ${reasonOf(error)}`);
    return false;
  }
}
