/** The name of the head: does it resolve, to one machine, to the right one, and how fast? */
import { isIP } from 'node:net';
import { isLoopback } from '../../launch/plan/auth.ts';
import type { Facts } from '../facts.ts';
import { type Finding, sayAs } from '../finding.ts';

const say = sayAs('head');
const SLOW_MS = 500;
const HEADLESS =
  'Name the head by a headless Service (clusterIP: None, publishNotReadyAddresses: true) that selects the head only.';

export function checkHead({ needs, network }: Pick<Facts, 'needs' | 'network'>): Finding[] {
  const { headAddress: name, worldSize, role } = needs;
  if (worldSize === 1) return [];
  const subject = 'address of the head';
  if (name === undefined) {
    return role === 'head'
      ? [say.ok({ subject, value: 'this member' })]
      : [
          say.fail({
            subject,
            value: null,
            wanted: 'a DNS name or IP',
            next: 'Set --head-address or MUSTER_HEAD_ADDRESS.',
          }),
        ];
  }
  if (isIP(name) !== 0 || !network.head) return loopback(name, [name]) ?? [say.ok({ subject, value: name })];
  const { addresses, error } = network.head;
  if (error !== undefined) {
    const next = `${error === 'ENOTFOUND' ? 'Is the head scheduled? ' : "Look at the cluster's DNS. "}${HEADLESS}`;
    return [
      say.fail({ subject: `${subject}, ${name}`, value: `does not resolve (${error})`, wanted: 'one address', next }),
    ];
  }
  return (
    loopback(name, addresses) ?? [...answers(name, addresses), ...ownership(needs, network), ...speed(name, network)]
  );
}

/** On loopback everybody finds himself; right only for a group on one machine, which says so by the name it uses. */
function loopback(name: string, addresses: readonly string[]): Finding[] | undefined {
  if (!addresses.every(isLoopback)) return undefined;
  const said = { subject: `address of the head, ${name}`, value: addresses.join(', ') };
  if (isLoopback(name))
    return [say.note({ ...said, next: 'Loopback: right only while all members are on this machine.' })];
  const next = 'Look at /etc/hosts: the name must lead to an address that the other members reach.';
  return [say.fail({ ...said, wanted: 'an address that other machines reach', next })];
}

function answers(name: string, addresses: readonly string[]): Finding[] {
  const said = { subject: `address of the head, ${name}`, value: addresses.join(', ') };
  const v4 = addresses.filter((each) => !each.includes(':'));
  if (v4.length > 1 || addresses.length - v4.length > 1)
    return [say.warn({ ...said, wanted: 'one machine: several answers may be several pods', next: HEADLESS })];
  return [say.ok({ ...said, wanted: 'one machine' })];
}

/**
 * A head whose name leads elsewhere: a Service with a cluster IP forwards only the ports it lists. A worker whose head is
 * itself: a name that every member takes for its own.
 */
function ownership({ role, address }: Facts['needs'], { head, interfaces }: Facts['network']): Finding[] {
  const own = new Set([address, ...interfaces.flatMap((each) => each.addresses)]);
  const answers = head?.addresses ?? [];
  const isOwn = answers.some((each) => own.has(each));
  const said = { subject: `the head's name, ${head?.name}`, value: answers.join(', ') };
  if (role === 'worker' && isOwn) {
    const next = 'Right only while the head runs on this machine too; else give the head a name of its own.';
    return [say.warn({ ...said, wanted: 'another machine, for this is a worker', next })];
  }
  if (role !== 'head' || isOwn) return [];
  const wanted = `an address of this machine (${[...own].join(', ')}), for this is the head`;
  const next = `A Service with a cluster IP forwards only the ports it lists; Ray and NCCL use others. ${HEADLESS}`;
  return [say.warn({ ...said, wanted, next })];
}

/** Each search domain is asked before a name with fewer dots than ndots is tried as it is written. */
function speed(name: string, { head, resolver }: Facts['network']): Finding[] {
  const dots = name.split('.').length - 1;
  const [ndots, search] = [resolver?.ndots ?? 1, resolver?.search ?? []];
  const detour = !name.endsWith('.') && dots > 0 && dots < ndots && search.length > 0;
  const why = detour ? ` ndots is ${ndots}: ${search.length} search domains are asked first.` : '';
  const slow = (head?.tookMs ?? 0) > SLOW_MS;
  if (!slow) return [];
  const said = { subject: `lookup of ${name}`, value: head?.tookMs ?? null, unit: 'ms' };
  const next = `Use the full name with a dot at its end, or set dnsConfig.options ndots: 2.${why}`;
  return [say.warn({ ...said, wanted: `under ${SLOW_MS} ms`, next })];
}
