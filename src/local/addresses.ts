/** The members' addresses on a network of their own: fixed, so that a member that comes back is where it was. Pure. */

/** `count` addresses of an IPv4 network `172.18.0.0/16`, behind its gateway; undefined: it has not as many. */
export function addressesIn(subnet: string, count: number): readonly string[] | undefined {
  const [, a = '', b = '', c = '', d = '', bits = ''] = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(subnet) ?? [];
  if (bits === '' || count > 2 ** (32 - Number(bits)) - 3) return undefined;
  const first = ((Number(a) * 256 + Number(b)) * 256 + Number(c)) * 256 + Number(d) + 2;
  return Array.from({ length: count }, (_, at) => dotted(first + at));
}

const dotted = (address: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
