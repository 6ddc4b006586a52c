/** By which address the others reach this member, and which interface that is. */
import { isLoopback } from '../../launch/plan/auth.ts';
import type { Facts } from '../facts.ts';
import { type Finding, sayAs } from '../finding.ts';

const say = sayAs('address');
/** IPv6 asks for this much; Ethernet has 1500. */
const SMALL_MTU_BYTES = 1280;

export function checkAddress({ needs, network }: Pick<Facts, 'needs' | 'network'>): Finding[] {
  if (needs.worldSize === 1) return [];
  const { address, headAddress } = needs;
  const subject = 'own address';
  if (isLoopback(address)) {
    if (isLoopback(headAddress)) return [say.ok({ subject, value: address, wanted: 'loopback, as the head is' })];
    const next = 'Set --address (MUSTER_ADDRESS, POD_IP) to the IP by which the other members reach this one.';
    return [say.fail({ subject, value: address, wanted: 'an address that other machines reach', next })];
  }
  const on = network.interfaces.find((each) => each.addresses.includes(address));
  if (!on) {
    const have = network.interfaces.flatMap((each) => each.addresses).join(', ') || 'none';
    const next = `It is on no interface here (${have}): correct --address (MUSTER_ADDRESS, POD_IP).`;
    return [say.fail({ subject, value: address, wanted: 'an address of this machine', next })];
  }
  return [
    say.ok({ subject, value: `${address} on ${on.name}${on.mtu === undefined ? '' : `, MTU ${on.mtu} bytes`}` }),
    ...(on.mtu !== undefined && on.mtu < SMALL_MTU_BYTES ? [smallMtu(on.name, on.mtu)] : []),
    ...family(network, headAddress),
  ];
}

const smallMtu = (name: string, mtu: number): Finding =>
  say.warn({
    subject: `MTU of ${name}`,
    value: mtu,
    unit: 'bytes',
    wanted: `at least ${SMALL_MTU_BYTES} bytes`,
    next: 'Look at the overlay network: large messages will be cut into many packets.',
  });

function family({ interfaces, head }: Facts['network'], headAddress: string | undefined): Finding[] {
  const own = interfaces.flatMap((each) => each.addresses);
  const only6 = own.length > 0 && own.every((each) => each.includes(':'));
  const answers = head?.addresses ?? (headAddress === undefined ? [] : [headAddress]);
  const only4 = answers.length > 0 && answers.every((each) => /^\d+(\.\d+){3}$/.test(each));
  if (only6 && only4) {
    const next = 'Give the head an IPv6 address, or this member an IPv4 one.';
    return [
      say.fail({
        subject: 'address family',
        value: 'IPv6 only',
        wanted: `IPv4, as the head (${answers.join(', ')})`,
        next,
      }),
    ];
  }
  if (!only6) return [];
  const next = 'Set NCCL_SOCKET_FAMILY=AF_INET6, and let the server listen on :: (vLLM: --host ::).';
  return [say.note({ subject: 'address family', value: 'IPv6 only', next })];
}
