/** How a group on this machine is shown to people: the table, a frame of it, colours. Pure. */
import { seconds } from '../launch/rally/words.ts';
import { printable } from '../printable.ts';
import { type Progress, phaseOf } from './progress.ts';
import type { Sight } from './sight.ts';

/** ANSI colours, far apart and readable on dark and light; by ordinal. */
const COLOURS = [36, 33, 35, 32, 34, 31, 96, 93, 95, 92, 94, 91] as const;

export const coloured = (ordinal: number, text: string): string =>
  `\x1b[${COLOURS[ordinal % COLOURS.length]}m${text}\x1b[0m`;

/** Columns as wide as their widest cell; control characters escaped. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const safe = rows.map((row) => row.map(printable));
  const widths = (safe[0] ?? []).map((_, at) =>
    safe.reduce((widest, row) => Math.max(widest, row[at]?.length ?? 0), 0),
  );
  return safe.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** One frame while a group comes up; no line is longer than `columns`. */
export function frame(progress: Progress, title: string, columns: number, now: number): string[] {
  const rows = progress.members.map(({ name, rank, phase, since, waiting }) => [
    name,
    rank === undefined ? '-' : String(rank),
    phase,
    seconds(now - since),
    waiting ?? '',
  ]);
  const lines = [
    `${title}  +${seconds(now - progress.startedAt)}`,
    ...table([['MEMBER', 'RANK', 'PHASE', 'SINCE', ''], ...rows]),
  ];
  return lines.map((line) => (line.length > columns ? `${line.slice(0, Math.max(1, columns - 1))}…` : line));
}

/** `muster local status` of one group. */
export function groupText(group: string, sights: readonly Sight[]): string {
  const head = sights.find(({ marks }) => marks.ordinal === 0);
  const ready = head?.report?.ready;
  const rows = sights.map((sight) => [
    sight.name,
    sight.report?.rank === undefined ? '-' : String(sight.report.rank),
    phaseOf(sight),
    sight.report ? seconds(sight.report.phaseMs) : '-',
    String(sight.report?.generation ?? '-'),
    String(sight.restarts),
    sight.marks.address,
    sight.ports.probe === undefined ? '-' : `http://127.0.0.1:${sight.ports.probe}`,
  ]);
  const titles = ['MEMBER', 'RANK', 'PHASE', 'SINCE', 'GENERATION', 'STARTED AGAIN', 'ADDRESS', 'PROBES'];
  const lines = [
    `${ready?.yes ? 'READY' : 'NOT READY'}  ${group}: ${sights.length} members, ${head?.marks.runtime ?? '?'}${serverAt(head)}`,
    ...table([titles, ...rows]),
    ...(ready?.yes ? [] : [`awaited: ${head?.report?.waiting ?? ready?.why ?? 'the head does not answer'}`]),
  ];
  return `${lines.map(printable).join('\n')}\n`;
}

const serverAt = (head: Sight | undefined): string =>
  head?.ports.server === undefined ? '' : `, server at http://127.0.0.1:${head.ports.server}`;

/** The same for programs: one object a group. */
export const groupJson = (group: string, sights: readonly Sight[]) => ({
  group,
  ready: sights.some(({ marks, report }) => marks.ordinal === 0 && report?.ready.yes === true),
  members: sights.map(({ name, marks, state, connected, exit, restarts, ports, report }) => ({
    member: name,
    ordinal: marks.ordinal,
    container: state,
    connected,
    status: exit?.status,
    startedAgain: restarts,
    address: marks.address,
    ports,
    report,
  })),
});
