/** Where callbacks may go: to hosts of a list, and never to an address inside unless its network is in the list too. Pure. */
import { BlockList, isIP } from 'node:net';
import { type Failure, refuse } from '../failure.ts';

export interface CallbackHosts {
  readonly names: ReadonlySet<string>;
  /** `.example.com` of `*.example.com`. */
  readonly suffixes: readonly string[];
  readonly networks: BlockList;
}

const isNetwork = (text: string): boolean => {
  const [address = '', prefix, ...more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
};

const NAME = /^(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/;

/** Which entries are neither a name, nor *.name, nor a network. */
export const wrongHosts = (list: readonly string[]): readonly string[] =>
  list.filter((each) => !isNetwork(each) && (!NAME.test(each.toLowerCase()) || each.includes('/')));

/** @param list that `wrongHosts` has no word about */
export function callbackHosts(list: readonly string[]): CallbackHosts {
  const networks = new BlockList();
  for (const each of list.filter(isNetwork)) addNetwork(networks, each);
  const names = list.filter((each) => !isNetwork(each)).map((each) => each.toLowerCase());
  return {
    names: new Set(names.filter((each) => !each.startsWith('*.'))),
    suffixes: names.filter((each) => each.startsWith('*.')).map((each) => each.slice(1)),
    networks,
  };
}

function addNetwork(list: BlockList, text: string): void {
  const [address = '', prefix] = text.split('/');
  const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(address, prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix), family);
}

/** Not of the public internet (IANA's special-purpose registries): this machine, the cloud's metadata, what is inside. */
const INSIDE = new BlockList();
for (const each of [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...[
    '192.0.2.0/24',
    '192.168.0.0/16',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    '224.0.0.0/4',
    '240.0.0.0/4',
  ],
  ...['::/96', '::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48', '100::/64', '2001::/23', '2001:db8::/32'],
  ...['2002::/16', '3fff::/20', '5f00::/16', 'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
])
  addNetwork(INSIDE, each);

/** May a callback connect to this address, whatever name led there? */
export function mayConnect(address: string, { networks }: CallbackHosts): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  return networks.check(address, kind) || !INSIDE.check(address, kind);
}

/** The host of a URL as a name or a bare address. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');

/** @throws Failure 400 which says what a callback may be */
export function checkCallback(text: string, hosts: CallbackHosts): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '')
    throw notThere(text, 'an http:// or https:// address without user and password');
  const host = hostOf(url);
  if (isIP(host) !== 0) {
    if (!hosts.networks.check(host, isIP(host) === 4 ? 'ipv4' : 'ipv6')) throw notThere(text, 'a host that is allowed');
    return url;
  }
  const known = hosts.names.has(host) || hosts.suffixes.some((suffix) => host.endsWith(suffix));
  if (!known) throw notThere(text, 'a host that is allowed');
  return url;
}

const notThere = (text: string, what: string): Failure =>
  refuse(`X-Callback-Url "${text.slice(0, 200)}" is not ${what} (--queue_callback_hosts)`);
