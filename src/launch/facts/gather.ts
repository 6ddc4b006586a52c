/** The I/O edge before planning: looks at the machine once and returns values. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { Refusal } from '../../errors.ts';
import type { Settings } from '../args/options.ts';
import type { Env } from '../args/settings.ts';
import { isLoopback } from '../plan/auth.ts';
import type { Facts } from '../plan/facts.ts';
import { detect, type HostNames } from '../plan/topology/detectors.ts';
import { findAddress, isHere } from './address.ts';
import { lookAtModel } from './model-directory.ts';
import type { TlsRead } from './tls.ts';
import { readToken } from './token.ts';

export interface Gathered {
  readonly facts: Facts;
  /** The group's secret; kept apart so that it cannot slip into a plan. */
  readonly token: string | undefined;
  /** Certificate and key, apart for the same reason. */
  readonly tls: TlsRead | undefined;
  readonly refusals: readonly Refusal[];
}

/** Cheap by design: no DNS when the group has one member, no directory walk, no program started. */
export async function gatherFacts(settings: Settings, env: Env): Promise<Gathered> {
  const host = hostNames();
  const size = settings['world-size']?.value;
  const { detected } = detect({ ...env, MUSTER_WORLD_SIZE: size === undefined ? undefined : String(size) }, host);
  const headAddress = (settings['head-address'] ?? detected.headAddress)?.value;
  const several = (size ?? detected.worldSize?.value ?? 1) > 1;
  const placed = settings.rank ?? settings.role ?? detected.rank ?? detected.role;
  const secret = readToken(settings['token-file']?.value, env);
  const tls = await lookAtTls(settings);
  return {
    facts: {
      host,
      headIsHere: several && !placed && headAddress ? await isHere(headAddress) : undefined,
      address: await findAddress({
        set: settings.address,
        headAddress: several ? headAddress : undefined,
        loopbackWillDo: !several || isLoopback(headAddress),
      }),
      modelDirectory: settings['model-dir'] && lookAtModel(settings['model-dir'].value, settings['model-root']?.value),
      devices: countDevices(),
      token: secret.token,
      tls: tls.seen,
    },
    token: secret.text,
    tls: tls.read,
    refusals: [...secret.refusals, ...tls.refusals, ...notAnAddress(settings.address)],
  };
}

/** Loaded only where TLS is asked for. A part that is refused counts as there: that is then the only complaint. */
export async function lookAtTls(settings: Settings): Promise<{
  readonly seen: Facts['tls'];
  readonly read: TlsRead | undefined;
  readonly refusals: readonly Refusal[];
}> {
  const asked = settings['tls-dir'] ?? settings['tls-cert'] ?? settings['tls-key'] ?? settings['tls-ca'];
  if (!asked) return { seen: undefined, read: undefined, refusals: [] };
  const { readTls, tlsFiles } = await import('./tls.ts');
  const files = tlsFiles(settings);
  const read = files.value && readTls(files.value, Date.now());
  const { refusals } = read ?? files;
  return { seen: { origin: asked.origin, notes: read?.value?.notes ?? [] }, read: read?.value, refusals };
}

const notAnAddress = (set: Settings['address']): Refusal[] =>
  !set || isIP(set.value)
    ? []
    : [
        {
          code: set.origin.startsWith('flag') ? 'USAGE' : 'CONFIG_INVALID',
          message: `${set.origin.replace(/^(flag|env) /, '')} is "${set.value}", not an IP address`,
          hint: 'Give the IP by which the other members reach this one, IPv6 without brackets.',
        },
      ];

function hostNames(): HostNames {
  const name = hostname();
  return { hostname: name, fqdn: fqdnOf(name) };
}

/** The kubelet writes `IP  name.service.namespace.svc.cluster.local  name`; asking DNS could block for seconds. */
function fqdnOf(name: string): string | undefined {
  if (!existsSync('/etc/hosts')) return undefined;
  const words = readFileSync('/etc/hosts', 'utf8').split(/\s+/);
  return words.find((word) => word.startsWith(`${name}.`) && word.length > name.length + 1);
}

/** NVIDIA device files `/dev/nvidia0…`, else AMD's and Intel's render nodes `/dev/dri/renderD128…` under /dev/kfd. */
function countDevices(): number {
  const names = listed('/dev');
  const nvidia = names.filter((name) => /^nvidia\d+$/.test(name)).length;
  if (nvidia > 0) return nvidia;
  return names.includes('kfd') ? listed('/dev/dri').filter((name) => name.startsWith('renderD')).length : 0;
}

const listed = (directory: string): string[] => {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
};
