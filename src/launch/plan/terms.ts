/** What all members must agree on: built by each, compared by the head. Pure. */
import { hash } from 'node:crypto';
import { maskArgs } from '../args/secrets.ts';
import type { Plan } from './plan.ts';

/** Room for a value in a message to people; longer ones end in their hash. */
const SHOWN = 1024;

/**
 * A name this member has no say in is left out, and then not compared: KServe gives server args and model to the head
 * only, and its workers read sizes from an env that the head's args may overrule.
 */
export function termsOf(plan: Omit<Plan, 'terms' | 'digest' | 'values'>): Record<string, string> {
  const head = plan.role.value === 'head';
  const knows = (origin: string) => head || origin.startsWith('server arg');
  const { tensor, pipeline } = plan.parallel;
  const terms: Record<string, string | undefined> = {
    runtime: plan.runtime.value,
    engine: plan.engine.value,
    takeover: plan.takeover.value,
    'world size': String(plan.worldSize.value),
    'tensor-parallel size': knows(tensor.origin) ? String(tensor.value) : undefined,
    'pipeline-parallel size': knows(pipeline.origin) ? String(pipeline.value) : undefined,
    'model id': plan.model?.value.kind === 'hub' ? plan.model.value.id : undefined,
    'server args': plan.serverArgs || head ? describeArgs(plan.serverArgs ?? []) : undefined,
  };
  return Object.fromEntries(Object.entries(terms).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** SHA-256 of the terms in a fixed order, hex. */
export const digestOf = (terms: Readonly<Record<string, string>>): string =>
  hash('sha256', JSON.stringify(Object.entries(terms).sort(([a], [b]) => (a < b ? -1 : 1))));

/** Args as JSON with secrets masked, and a hash of the real ones, so that two masked values that look alike still differ. */
function describeArgs(args: readonly string[]): string {
  const text = JSON.stringify(maskArgs(args));
  const shown =
    text.length > SHOWN ? `${text.slice(0, SHOWN)}… (${args.length} args, ${text.length} characters)` : text;
  return `${shown} #${hash('sha256', JSON.stringify(args)).slice(0, 12)}`;
}
