/** What this member says of itself at the rally. */
import { randomBytes } from 'node:crypto';
import type { Plan } from './plan/plan.ts';
import type { Hello } from './rally/rally.ts';

export function helloOf(plan: Plan, versions: Hello['versions']): Hello {
  const model = plan.model?.value;
  return {
    member: plan.member.value,
    // New for each generation: what a former one left behind, a Ray node say, can not be mistaken for ours.
    incarnation: randomBytes(8).toString('hex'),
    wantedRank: plan.rank?.value,
    terms: plan.terms,
    digest: plan.digest,
    versions,
    devices: plan.devices.perMember?.value,
    address: plan.address.value,
    fingerprint: model?.kind === 'directory' ? model.fingerprint : undefined,
  };
}
