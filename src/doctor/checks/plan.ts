/** Whether there is a plan at all, and what it warns of itself. */
import type { Facts } from '../facts.ts';
import { type Finding, sayAs } from '../finding.ts';

const say = sayAs('plan');

export function checkPlan({ refusals, notes, needs }: Pick<Facts, 'refusals' | 'notes' | 'needs'>): Finding[] {
  if (needs.engine === undefined && refusals.length === 0) {
    const next = 'Write: muster doctor RUNTIME [launch options] -- [server args], as in the launch.';
    return [say.note({ subject: 'runtime', value: 'none was named', next })];
  }
  return [
    ...refusals.map(({ code, message, hint }) => say.fail({ subject: code, value: message, next: hint })),
    ...notes.map((note) => say.warn({ subject: 'note of the plan', value: note })),
    ...(refusals.length === 0 ? [say.ok({ subject: 'plan', value: summary(needs) })] : []),
  ];
}

const summary = ({ engine, worldSize, role, shards }: Facts['needs']): string =>
  `${role} of ${worldSize} ${worldSize === 1 ? 'member' : 'members'}, engine ${engine}, ${shards} ${shards === 1 ? 'shard' : 'shards'}`;
