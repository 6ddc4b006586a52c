/** Names, addresses and interfaces as files and the kernel show them: nothing is asked of anybody. */
import { hostname, networkInterfaces } from 'node:os';
import { textAt } from './files.ts';

export interface Answers {
  readonly name: string;
  readonly addresses: readonly string[];
  /** Why there are none; undefined: there are. */
  readonly error: string | undefined;
  readonly tookMs: number;
}

export interface Resolver {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly ndots: number;
}

export interface Interface {
  readonly name: string;
  readonly addresses: readonly string[];
  /** Bytes; undefined: not seen. */
  readonly mtu: number | undefined;
}

export interface NetworkFacts {
  readonly hostname: string;
  /** What /etc/hosts says of the host name. */
  readonly hostnameInFile: readonly string[];
  /** What the resolver says of it; undefined: not asked. */
  readonly hostnameAnswers: Answers | undefined;
  /** Undefined: there is no head to find, or it is given as an IP address. */
  readonly head: Answers | undefined;
  readonly resolver: Resolver | undefined;
  /** Loopback and link-local addresses left out. */
  readonly interfaces: readonly Interface[];
}

/** What files say; no name is looked up. */
export function lookAtNames(root: string, name = hostname()): NetworkFacts {
  return {
    hostname: name,
    hostnameInFile: addressesIn(textAt(root, '/etc/hosts') ?? '', name),
    hostnameAnswers: undefined,
    head: undefined,
    resolver: undefined,
    interfaces: interfacesHere(root),
  };
}

/** hosts(5): address, then names. Pure. */
export function addressesIn(hosts: string, name: string): string[] {
  return hosts.split('\n').flatMap((line) => {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    return address && names.includes(name) ? [address] : [];
  });
}

/** resolv.conf(5): the last `search` wins; ndots is 1 unless set. Pure. */
export function resolverIn(text: string): Resolver {
  const lines = text.split('\n').map((line) =>
    line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/),
  );
  const of = (keyword: string) => lines.filter(([first]) => first === keyword).map(([, ...rest]) => rest);
  const ndots = of('options')
    .flat()
    .findLast((option) => option.startsWith('ndots:'));
  return {
    servers: of('nameserver').flat(),
    search: of('search').at(-1) ?? of('domain').at(-1) ?? [],
    ndots: ndots === undefined ? 1 : Number(ndots.slice('ndots:'.length)),
  };
}

const interfacesHere = (root: string): Interface[] =>
  Object.entries(networkInterfaces()).flatMap(([name, all]) => {
    const addresses = (all ?? []).filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
    if (addresses.length === 0) return [];
    const mtu = Number(textAt(root, `/sys/class/net/${name}/mtu`) ?? Number.NaN);
    return [{ name, addresses: addresses.map(({ address }) => address), mtu: Number.isFinite(mtu) ? mtu : undefined }];
  });
