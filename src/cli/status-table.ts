/** How `muster status` shows a group to people. Pure. */
import type { StatusReply } from '../launch/rally/schema.ts';
import { seconds } from '../launch/rally/words.ts';
import { printable } from '../printable.ts';

/** What the head, or the resident server of a member, says of the group; ages are milliseconds before now. */
export interface GroupStatus {
  /** Who was asked: host:port. */
  readonly from: string;
  readonly ready: boolean;
  readonly generation: number;
  readonly worldSize: number;
  /** The head's; undefined while a worker has not heard it. */
  readonly phase: string | undefined;
  readonly ageMs: number;
  /** Empty when a worker was asked: only the head knows all. */
  readonly members: StatusReply['members'];
  /** Who or what is awaited, in words; undefined: nothing. */
  readonly awaited: string | undefined;
  readonly refused: StatusReply['refused'];
  /** Why this generation is over, in words; undefined while it lasts. */
  readonly over: string | undefined;
}

export function statusText(status: GroupStatus): string {
  const { from, ready, generation, worldSize, phase, ageMs, members, awaited, refused, over } = status;
  const head = phase === undefined ? 'head not heard' : `head at ${phase}`;
  const lines = [
    `${ready ? 'READY' : 'NOT READY'}  group of ${worldSize}, generation ${generation}, ${head}  (${from}, up ${seconds(ageMs)})`,
    ...table(members),
    ...(awaited === undefined ? [] : [`awaited: ${awaited}`]),
    ...refused.map(
      ({ who, code, message, count, agoMs }) =>
        `refused: ${who} ${seconds(agoMs)} ago${count > 1 ? `, ${count} times` : ''}: ${code} ${message}`,
    ),
    ...(over === undefined ? [] : [`over: ${over}`]),
  ];
  return `${lines.map(printable).join('\n')}\n`;
}

const TITLES = ['MEMBER', 'RANK', 'PHASE', 'SINCE', 'LAST BEAT', 'ADDRESS', 'INCARNATION'] as const;

/** Columns as wide as their widest cell. */
function table(members: GroupStatus['members']): string[] {
  if (members.length === 0) return [];
  const rows = [TITLES, ...members.map(cells)];
  const widths = TITLES.map((_, at) => rows.reduce((widest, row) => Math.max(widest, row[at]?.length ?? 0), 0));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

const cells = ({
  member,
  rank,
  phase,
  phaseMs,
  beatMs,
  connected,
  address,
  incarnation,
}: GroupStatus['members'][number]): string[] =>
  [
    member,
    String(rank),
    connected ? (phase ?? '?') : `gone (${phase ?? '?'})`,
    seconds(phaseMs),
    rank === 0 ? '-' : `${seconds(beatMs)} ago`,
    address,
    incarnation,
  ].map(printable);
