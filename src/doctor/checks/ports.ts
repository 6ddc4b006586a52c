/** Whether the ports this member will listen on are free. */
import { maskInside } from '../../launch/args/secrets.ts';
import type { Facts } from '../facts.ts';
import { type Finding, sayAs } from '../finding.ts';

const say = sayAs('ports');

export function checkPorts({ ports }: Pick<Facts, 'ports'>): Finding[] {
  return ports.planned.map(({ port, state }) => {
    const subject = `${port.use} port ${port.port} (${port.origin})`;
    if (state === true) return say.ok({ subject, value: 'free' });
    const move = `choose another with ${port.option}`;
    if (state.why === 'not-permitted') {
      return say.fail({
        subject,
        value: 'may not be opened by this user',
        wanted: 'above 1023',
        next: `For another port ${move}.`,
      });
    }
    if (state.why === 'address-unavailable') {
      const next = 'Correct --address (MUSTER_ADDRESS, POD_IP).';
      return say.fail({ subject, value: 'the address to listen on is not of this machine', next });
    }
    const { owner } = state;
    const value = owner
      ? `taken by process ${owner.pid}: ${maskInside(owner.command)}`
      : 'taken by a process that cannot be seen from here';
    if (ports.musterRuns)
      return say.note({
        subject,
        value,
        next: 'A muster runs here and answers at the probe port: this may be its own launch.',
      });
    return say.fail({ subject, value, wanted: 'free', next: `Stop that process, or ${move}.` });
  });
}
