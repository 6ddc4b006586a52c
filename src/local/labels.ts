/**
 * What a group leaves written on its own containers, network and volume: how its parts are found again, and all that a
 * later command needs to know. There is no other record of it.
 */
import type { Group, Member } from './group.ts';

export const LABEL = {
  /** On everything: the group's name. */
  group: 'muster.group',
  /** On everything: which `up` made it. Two that race for one name never take each other down. */
  life: 'muster.life',
  ordinal: 'muster.ordinal',
  size: 'muster.size',
  runtime: 'muster.runtime',
  address: 'muster.address',
  /** JSON array. */
  aliases: 'muster.aliases',
  serverPort: 'muster.port.server',
  probePort: 'muster.port.probe',
} as const;

export const groupLabels = ({ name, life }: Pick<Group, 'name' | 'life'>): Record<string, string> => ({
  [LABEL.group]: name,
  [LABEL.life]: life,
});

export const memberLabels = (group: Group, member: Member, address: string): Record<string, string> => ({
  ...groupLabels(group),
  [LABEL.ordinal]: String(member.ordinal),
  [LABEL.size]: String(group.members),
  [LABEL.runtime]: group.runtime,
  [LABEL.address]: address,
  [LABEL.aliases]: JSON.stringify(member.aliases),
  [LABEL.probePort]: String(group.probePort),
  ...(member.ordinal === 0 && group.server ? { [LABEL.serverPort]: String(group.server.inside) } : {}),
});

/** What the labels of one container say. */
export interface Marks {
  readonly group: string;
  readonly ordinal: number;
  readonly size: number;
  readonly runtime: string;
  readonly address: string;
  readonly aliases: readonly string[];
  readonly probePort: number;
  /** Only the head has one. */
  readonly serverPort: number | undefined;
}

/** Undefined: not a member of ours, or of another version of muster. */
export function readMarks(labels: Readonly<Record<string, string>>): Marks | undefined {
  const number = (label: string) => (/^\d{1,6}$/.test(labels[label] ?? '') ? Number(labels[label]) : undefined);
  const group = labels[LABEL.group];
  const [ordinal, size, probePort] = [number(LABEL.ordinal), number(LABEL.size), number(LABEL.probePort)];
  const [runtime, address, aliases] = [labels[LABEL.runtime], labels[LABEL.address], aliasesIn(labels)];
  if (!group || ordinal === undefined || !size || probePort === undefined || !runtime || !address || !aliases) {
    return undefined;
  }
  return { group, ordinal, size, runtime, address, aliases, probePort, serverPort: number(LABEL.serverPort) };
}

function aliasesIn(labels: Readonly<Record<string, string>>): readonly string[] | undefined {
  try {
    const read: unknown = JSON.parse(labels[LABEL.aliases] ?? '');
    return Array.isArray(read) ? read.map(String) : undefined;
  } catch {
    return undefined;
  }
}
