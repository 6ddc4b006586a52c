/** Variables that change what programs do without anybody asking. Pure over the environment and the interfaces' names. */
import { isIP } from 'node:net';
import type { Facts } from '../facts.ts';
import { type Finding, sayAs, some } from '../finding.ts';
import { networkInterfaceMatches, parseInterfaces } from './interfaces.ts';

const say = sayAs('environment');

type Input = Pick<Facts, 'env' | 'needs' | 'network' | 'notes'>;

export function checkEnvironment(input: Input): Finding[] {
  const found = [...proxies(input), ...sockets(input), ...others(input)];
  return found.length > 0 ? found : [say.ok({ subject: 'environment', value: 'nothing that would surprise' })];
}

const PROXIES = ['grpc_proxy', 'http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'];

/** gRPC and Python ask the proxy for the machine next door, unless no_proxy names it. muster itself never does. */
export function proxies({ env, needs }: Pick<Input, 'env' | 'needs'>): Finding[] {
  const set = PROXIES.filter((name) => env[name]);
  if (set.length === 0 || needs.worldSize === 1) return [];
  const spared = (env.no_grpc_proxy || env.no_proxy || env.NO_PROXY || '').split(',').map((each) => each.trim());
  const caught = [needs.headAddress, needs.address]
    .filter((host) => host !== undefined)
    .filter((host) => !isSpared(host, spared));
  if (caught.length === 0) return [];
  const hosts = [...new Set(caught)].join(',');
  const next = `Add them: no_proxy=${hosts} (IP addresses one by one, or by their network, which gRPC does not understand in every version).`;
  return [
    say.warn({
      subject: some(set),
      value: `set, and no_proxy does not name ${hosts}`,
      wanted: 'no proxy between members',
      next,
    }),
  ];
}

function isSpared(host: string, spared: readonly string[]): boolean {
  return spared.some((each) => {
    if (each === '*' || each === host) return true;
    if (each === '') return false;
    return isIP(host) === 4 ? inNetwork(host, each) : host.endsWith(each.startsWith('.') ? each : `.${each}`);
  });
}

/** `10.0.0.0/8`. */
function inNetwork(address: string, network: string): boolean {
  const [base = '', bits = ''] = network.split('/');
  if (isIP(base) !== 4 || !/^\d{1,2}$/.test(bits)) return false;
  const size = 2 ** (32 - Number(bits));
  return Math.floor(asNumber(address) / size) === Math.floor(asNumber(base) / size);
}

const asNumber = (address: string): number => address.split('.').reduce((sum, each) => sum * 256 + Number(each), 0);

/** Names an interface that is not here: NCCL then finds none, and says so only after minutes. */
export function sockets({ env, needs, network }: Omit<Input, 'notes'>): Finding[] {
  if (needs.worldSize === 1) return [];
  const names = ['lo', ...network.interfaces.map(({ name }) => name)];
  return ['NCCL_SOCKET_IFNAME', 'GLOO_SOCKET_IFNAME', 'TP_SOCKET_IFNAME'].flatMap((variable) => {
    const value = env[variable];
    if (!value) return [];
    const rule = parseInterfaces(value, variable === 'NCCL_SOCKET_IFNAME');
    if (names.some((name) => networkInterfaceMatches(rule, name))) return [];
    const next = `The interfaces here are ${names.join(', ')}: correct it, or unset it and muster sets the one that routes to the head.`;
    return [say.fail({ subject: variable, value: `"${value}"`, wanted: 'an interface of this machine', next })];
  });
}

function others({ env, needs, notes }: Input): Finding[] {
  const findings: Finding[] = [];
  if (env.LD_PRELOAD) {
    findings.push(
      say.note({
        subject: 'LD_PRELOAD',
        value: env.LD_PRELOAD,
        next: 'It is loaded into everything started here, Ray and the server too.',
      }),
    );
  }
  // The plan, where there is one, has said it already.
  if (env.NODE_OPTIONS && !notes.some((note) => note.startsWith('NODE_OPTIONS'))) {
    findings.push(
      say.note({
        subject: 'NODE_OPTIONS',
        value: 'set',
        next: 'It reaches muster itself, and is not passed on to the server.',
      }),
    );
  }
  if (env.NCCL_DEBUG && /^(INFO|TRACE)$/i.test(env.NCCL_DEBUG)) {
    findings.push(
      say.note({
        subject: 'NCCL_DEBUG',
        value: env.NCCL_DEBUG,
        next: 'Right while looking for a fault; it writes many lines.',
      }),
    );
  }
  if (env.RAY_ADDRESS && needs.engine === 'ray') {
    findings.push(
      say.note({
        subject: 'RAY_ADDRESS',
        value: env.RAY_ADDRESS,
        next: 'The server is told the address of this group instead.',
      }),
    );
  } else if (env.RAY_ADDRESS && needs.engine !== undefined) {
    findings.push(
      say.warn({
        subject: 'RAY_ADDRESS',
        value: env.RAY_ADDRESS,
        wanted: 'not set: this launch starts no Ray',
        next: 'Unset it, or the server may join that cluster.',
      }),
    );
  }
  return findings;
}
