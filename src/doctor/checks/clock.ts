/** How far the clocks of this machine and of the head are apart. */
import type { Facts } from '../facts.ts';
import { type Finding, sayAs } from '../finding.ts';

const say = sayAs('clock');
/** A Date header tells a second; half of it is uncertain, and half of the way there and back. */
export const SKEW_WARN_MS = 2_000;

export function checkClock({ clock }: Pick<Facts, 'clock'>): Finding[] {
  if (!clock) return [];
  const subject = 'clock, beside that of the head';
  if (clock.skewMs === undefined)
    return [
      say.note({ subject, value: `nobody answers at ${clock.from}: the head does not run yet, or has no probe port` }),
    ];
  return [skewFinding(subject, clock.skewMs)];
}

export function skewFinding(subject: string, skewMs: number): Finding {
  const said = { subject, value: Math.round(skewMs / 100) / 10, unit: 's', wanted: `within ${SKEW_WARN_MS / 1000} s` };
  const next =
    'Look at chrony or systemd-timesyncd of the node: certificates, tokens and the times of logs depend on it. muster itself does not.';
  return Math.abs(skewMs) > SKEW_WARN_MS ? say.warn({ ...said, next }) : say.ok(said);
}
