/**
 * Whether a member may be in this group: it runs the same programs, from the same plan, with the same model. A name only
 * one side has was not given there and is not compared. Pure.
 */
import { CODES, type Refusal } from '../../errors.ts';
import { isPresent, type Place } from './places.ts';
import type { Ending, Hello } from './rally.ts';
import type { Roll } from './roll.ts';
import { shown } from './words.ts';

/** Everything the two differ in, worst first; each refusal carries the head's value and the member's. */
export function disagreements(head: Hello, other: Hello): Refusal[] {
  const refusals: Refusal[] = [];
  const versions = differences(head.versions, other.versions);
  if (versions.length > 0) {
    refusals.push({
      code: 'VERSION_MISMATCH',
      message: `${other.member} runs other versions than the head ${head.member}: ${bothSides(versions, head, other)}`,
      hint: 'Run the same image on every member.',
    });
  }
  const terms = differences(head.terms, other.terms);
  if (terms.length > 0) {
    refusals.push({
      code: 'PLAN_MISMATCH',
      message: `${other.member} was planned differently from the head ${head.member}: ${bothSides(terms, head, other)}`,
      hint: 'Give every member the same arguments and environment; compare `muster launch --explain` on both.',
    });
  }
  if (head.fingerprint !== undefined && other.fingerprint !== undefined && head.fingerprint !== other.fingerprint) {
    refusals.push({
      code: 'MODEL_MISMATCH',
      message: `${other.member} has another model than the head ${head.member}: fingerprint: head ${shown(head.fingerprint)}, ${other.member} ${shown(other.fingerprint)}`,
      hint: 'Mount or download the same revision of the model on every member.',
    });
  }
  return refusals;
}

type Table = Readonly<Record<string, string>>;
interface Difference {
  readonly name: string;
  readonly head: string;
  readonly other: string;
}

const differences = (head: Table, other: Table): Difference[] =>
  Object.keys(head)
    .filter((name) => Object.hasOwn(other, name) && head[name] !== other[name])
    .sort()
    .map((name) => ({ name, head: head[name] ?? '', other: other[name] ?? '' }));

const bothSides = (all: readonly Difference[], head: Hello, other: Hello): string =>
  all
    .map(
      (each) =>
        `${each.name}: head ${shown(each.head)}, ${other.member === head.member ? 'member' : other.member} ${shown(each.other)}`,
    )
    .join('; ');

/** Why the assembled members cannot hold the plan; undefined when they can, or when somebody could not count. */
export function devicesShort({ rules, places }: Roll): Ending | undefined {
  const needed = rules.devicesNeeded;
  const all = [...places.values()].filter(isPresent);
  if (needed === undefined || all.some(({ hello }) => hello.devices === undefined)) return undefined;
  const found = all.reduce((sum, { hello }) => sum + (hello.devices ?? 0), 0);
  if (found >= needed) return undefined;
  return {
    code: 'DEVICES_SHORT',
    exitStatus: CODES.DEVICES_SHORT,
    message: `the plan needs ${needed} devices, the ${all.length} members have ${found}: ${all.map(countOf).join(', ')}`,
    hint: 'Lower the parallel sizes, add members, or request more devices for each.',
    culprit: undefined,
  };
}

const countOf = ({ hello }: Place): string => `${hello.member} ${hello.devices}`;
