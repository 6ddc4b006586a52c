/** What all members said of themselves, side by side: the head's word is what the others are compared with. Pure. */
import { SKEW_WARN_MS, skewFinding } from '../checks/clock.ts';
import { type Finding, mib, sayAs, some } from '../finding.ts';
import type { Card, Guest } from './words.ts';

const say = sayAs('group');

/** A card, and when the head got it by the head's clock, milliseconds since 1970. */
export interface Dealt {
  readonly card: Card;
  readonly arrivedAt: number;
}

export function compareMembers(guests: readonly Guest[], dealt: readonly Dealt[]): Finding[] {
  const nameOf = (rank: number) => `rank ${rank} (${guests.find((guest) => guest.rank === rank)?.member ?? '?'})`;
  const silent = guests.filter(({ rank }) => !dealt.some(({ card }) => card.rank === rank));
  const head = dealt.find(({ card }) => card.rank === 0)?.card;
  const others = dealt.filter(({ card }) => card.rank !== 0);
  return [
    ...silent.map(({ rank }) =>
      say.fail({
        subject: nameOf(rank),
        value: 'met the others, and then said nothing',
        next: 'See what it prints itself.',
      }),
    ),
    ...(head ? others.flatMap(({ card }) => differences(head, card, nameOf(card.rank))) : []),
    ...others.flatMap(({ card, arrivedAt }) => clock(card.at - arrivedAt, nameOf(card.rank))),
    ...dealt.filter(({ card }) => card.failing > 0).map(({ card }) => ofItself(card, nameOf(card.rank))),
    ...(silent.length === 0
      ? [
          say.ok({
            subject: 'members',
            value: guests.length,
            wanted: some(
              guests.map(({ rank }) => nameOf(rank)),
              8,
            ),
          }),
        ]
      : []),
  ];
}

function differences(head: Card, other: Card, who: string): Finding[] {
  const same = 'Run the same image on every member.';
  const findings: Finding[] = [
    ...differing(head.terms, other.terms).map((name) =>
      say.fail({
        subject: `${name} of ${who}`,
        value: other.terms[name] ?? null,
        wanted: `${head.terms[name]}, as the head`,
        next: 'Give every member the same arguments and environment.',
      }),
    ),
    ...differing(head.versions, other.versions).map((name) =>
      say.fail({
        subject: `${name} of ${who}`,
        value: other.versions[name] ?? null,
        wanted: `${head.versions[name]}, as the head`,
        next: same,
      }),
    ),
  ];
  if (head.fingerprint !== undefined && other.fingerprint !== undefined && head.fingerprint !== other.fingerprint) {
    const next = 'Mount or download the same revision of the model on every member.';
    findings.push(
      say.fail({
        subject: `config.json of ${who}, SHA-256`,
        value: other.fingerprint,
        wanted: `${head.fingerprint}, as the head`,
        next,
      }),
    );
  } else if (head.modelBytes !== undefined && other.modelBytes !== undefined && head.modelBytes !== other.modelBytes) {
    const said = {
      value: mib(other.modelBytes),
      unit: 'MiB',
      wanted: `${mib(head.modelBytes)} MiB, as the head`,
      next: 'Fetch the model again there: one of the two is not whole.',
    };
    findings.push(say.warn({ subject: `weights of ${who}`, ...said }));
  }
  if (head.devices !== other.devices) {
    findings.push(
      say.note({ subject: `GPUs of ${who}`, value: other.devices, wanted: `${head.devices}, as the head` }),
    );
  }
  if (head.mtu !== undefined && other.mtu !== undefined && head.mtu !== other.mtu) {
    const next = 'Give the interfaces one MTU: large messages between them may be dropped without a word.';
    findings.push(
      say.warn({
        subject: `MTU of ${who}`,
        value: other.mtu,
        unit: 'bytes',
        wanted: `${head.mtu} bytes, as the head`,
        next,
      }),
    );
  }
  return findings;
}

/** Names that both have, with two values. */
const differing = (one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): string[] =>
  Object.keys(one).filter((name) => other[name] !== undefined && other[name] !== one[name]);

const clock = (skewMs: number, who: string): Finding[] =>
  Math.abs(skewMs) > SKEW_WARN_MS
    ? [{ ...skewFinding(`clock of ${who}, beside that of the head`, skewMs), check: 'group' }]
    : [];

const ofItself = ({ failing }: Card, who: string): Finding =>
  say.note({
    subject: who,
    value: failing,
    unit: failing === 1 ? 'finding of its own fails' : 'findings of its own fail',
    next: 'See its own report.',
  });
