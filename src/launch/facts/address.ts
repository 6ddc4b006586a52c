/** Which of this machine's addresses is *the* address: the one on the interface that routes to the head. */
import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import type { Sourced } from '../args/options.ts';

export interface OwnAddress {
  readonly value: string;
  readonly interface: string | undefined;
  readonly origin: string;
}

export interface AddressQuestion {
  readonly set: Sourced<string> | undefined;
  /** Undefined when there is no head to route to. */
  readonly headAddress: string | undefined;
  readonly loopbackWillDo: boolean;
}

export async function findAddress({ set, headAddress, loopbackWillDo }: AddressQuestion): Promise<OwnAddress> {
  if (set) return { ...set, interface: interfaceOf(set.value) };
  if (loopbackWillDo)
    return {
      value: '127.0.0.1',
      interface: undefined,
      origin: headAddress ? 'the head is on loopback' : 'world size 1',
    };
  const route = headAddress ? await routeTo(headAddress) : undefined;
  if (route) return { value: route, interface: interfaceOf(route), origin: `routes to ${headAddress}` };
  const [first] = ownAddresses();
  return first
    ? { value: first.address, interface: first.name, origin: `first address, on ${first.name}` }
    : { value: '127.0.0.1', interface: undefined, origin: 'no other interface is up' };
}

/** Whether a name or IP is of this machine; a name that does not resolve (yet) is not. */
export async function isHere(host: string): Promise<boolean> {
  const mine = new Set(Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []));
  return (await resolveSoon(host)).some((address) => mine.has(address));
}

/** IPv4 before IPv6, loopback and link-local left out. */
const ownAddresses = () =>
  Object.entries(networkInterfaces())
    .flatMap(([name, addresses]) => (addresses ?? []).map((each) => ({ name, ...each })))
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .sort((a, b) => a.family.localeCompare(b.family));

const interfaceOf = (address: string): string | undefined =>
  ownAddresses().find((each) => each.address === address)?.name;

/** Connecting a UDP socket sends nothing, but makes the kernel choose the source address. */
async function routeTo(host: string): Promise<string | undefined> {
  const [address] = await resolveSoon(host);
  if (!address) return undefined;
  const { createSocket } = await import('node:dgram');
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    const finish = (found: string | undefined) => {
      socket.close();
      resolve(found);
    };
    socket.once('error', () => finish(undefined));
    socket.connect(9, address, () => finish(socket.address().address));
  });
}

/** Milliseconds; the rally waits for a late name, planning does not. */
const DNS_MS = 1500;

async function resolveSoon(host: string): Promise<string[]> {
  const timer = new Promise<never[]>((resolve) => setTimeout(resolve, DNS_MS, []).unref());
  const found = lookup(host, { all: true }).then(
    (all) => all.map(({ address }) => address),
    () => [],
  );
  return Promise.race([found, timer]);
}
