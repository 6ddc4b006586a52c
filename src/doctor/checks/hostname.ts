/** Gloo and others tell their peers the address of their own host name: on loopback nobody reaches them. */
import { isLoopback } from '../../launch/plan/auth.ts';
import type { Facts } from '../facts.ts';
import { type Finding, sayAs } from '../finding.ts';

const say = sayAs('hostname');

export function checkHostname({ needs, network }: Pick<Facts, 'needs' | 'network'>): Finding[] {
  // A group on one machine meets on loopback anyway.
  if (needs.worldSize === 1 || isLoopback(needs.headAddress)) return [];
  const { hostname, hostnameInFile, hostnameAnswers } = network;
  const addresses = hostnameAnswers?.addresses ?? hostnameInFile;
  const said = { subject: `address of the host name, ${hostname}`, value: addresses.join(', ') };
  if (addresses.length > 0 && addresses.every(isLoopback)) {
    const where = hostnameInFile.length > 0 ? 'in /etc/hosts' : 'by DNS';
    const next = `It is so ${where}: write the machine's own address there. muster sets GLOO_SOCKET_IFNAME and NCCL_SOCKET_IFNAME, which most servers heed.`;
    return [say.warn({ ...said, wanted: 'an address that other machines reach', next })];
  }
  if (addresses.length === 0 && hostnameAnswers) {
    const next =
      'Add the name to /etc/hosts (Kubernetes: hostAliases); Gloo looks it up when GLOO_SOCKET_IFNAME is not set.';
    return [say.note({ ...said, value: `does not resolve (${hostnameAnswers.error})`, next })];
  }
  return addresses.length > 0 ? [say.ok(said)] : [];
}
