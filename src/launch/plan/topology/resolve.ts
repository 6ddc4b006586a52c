/**
 * Explicit options over what the scheduler says, to this member's place in the group. Pure; all complaints at once.
 */
import type { Refusal } from '../../../errors.ts';
import type { Settings, Sourced } from '../../args/options.ts';
import type { Env } from '../../args/settings.ts';
import { type Detected, detect, type HostNames, type Role } from './detectors.ts';

export interface Topology {
  /** `kserve`, `leaderworkerset`, …, `none`. */
  readonly scheduler: string;
  readonly worldSize: Sourced<number>;
  readonly role: Sourced<Role>;
  /** Undefined: the head gives one. */
  readonly rank: Sourced<number> | undefined;
  /** DNS name or IP of the head; undefined on a head that nobody named. */
  readonly headAddress: Sourced<string> | undefined;
  readonly member: Sourced<string>;
}

export interface TopologyInput {
  readonly settings: Settings;
  readonly env: Env;
  readonly host: HostNames;
  /** The head's address is one of this machine's; undefined: not looked up. */
  readonly headIsHere: boolean | undefined;
}

export function resolveTopology(input: TopologyInput): { topology?: Topology; refusals: readonly Refusal[] } {
  const { settings, env, host } = input;
  const explicitSize = settings['world-size'] ? String(settings['world-size'].value) : undefined;
  const { scheduler, detected, refusals } = detect({ ...env, MUSTER_WORLD_SIZE: explicitSize }, host);
  const worldSize = settings['world-size'] ?? detected.worldSize ?? (scheduler === 'none' ? ALONE : undefined);
  const rank = settings.rank ?? (settings.role ? undefined : detected.rank);
  const headAddress = settings['head-address'] ?? detected.headAddress;
  const role = resolveRole({ ...input, detected, rank, worldSize });
  // Where size and place are both given, what the scheduler garbles does not matter.
  const overruled = settings['world-size'] && (settings.rank ?? settings.role);
  if (refusals.length > 0 && !overruled) return { refusals };
  if (!worldSize) return { refusals: [unknownSize(scheduler)] };
  if (!role) return { refusals: [unknownRole(worldSize)] };
  const found: Topology = {
    scheduler,
    worldSize,
    role,
    rank: rank ?? (role.value === 'head' ? { value: 0, origin: role.origin } : undefined),
    headAddress,
    member: settings.member ?? detected.member ?? { value: host.hostname, origin: 'host name' },
  };
  const wrong = contradictions(found);
  return wrong.length > 0 ? { refusals: wrong } : { topology: found, refusals: [] };
}

const ALONE: Sourced<number> = { value: 1, origin: 'no scheduler found' };

interface RoleInput extends TopologyInput {
  readonly detected: Detected;
  readonly rank: Sourced<number> | undefined;
  readonly worldSize: Sourced<number> | undefined;
}

/** Said outright, else told by the rank, else by the scheduler, else: alone, or the machine that has the head's address. */
function resolveRole({ settings, detected, rank, worldSize, headIsHere }: RoleInput): Sourced<Role> | undefined {
  if (settings.role) return settings.role;
  if (rank) return { value: rank.value === 0 ? 'head' : 'worker', origin: rank.origin };
  if (detected.role) return detected.role;
  if (worldSize?.value === 1) return { value: 'head', origin: 'world size 1' };
  if (headIsHere === undefined) return undefined;
  return headIsHere
    ? { value: 'head', origin: 'the head address is of this machine' }
    : { value: 'worker', origin: 'the head address is of another machine' };
}

function contradictions({ worldSize, role, rank, headAddress }: Topology): Refusal[] {
  const refusals: Refusal[] = [];
  const invalid = (message: string, hint: string) => refusals.push({ code: 'TOPOLOGY_INVALID', message, hint });
  if (worldSize.value < 1)
    invalid(`world size is ${worldSize.value} (${worldSize.origin})`, 'A group has at least 1 member, the head.');
  if (rank && rank.value >= worldSize.value) {
    invalid(
      `rank ${rank.value} (${rank.origin}) is outside a group of ${worldSize.value} (${worldSize.origin})`,
      `Ranks go from 0 to ${worldSize.value - 1}: correct one of the two.`,
    );
  }
  if (rank && (rank.value === 0) !== (role.value === 'head')) {
    invalid(
      `role is ${role.value} (${role.origin}) but rank is ${rank.value} (${rank.origin})`,
      'The head is rank 0, and only it.',
    );
  }
  if (role.value === 'worker' && worldSize.value === 1) {
    invalid(
      `this is a worker (${role.origin}) in a group of 1 (${worldSize.origin})`,
      'Set the world size to the number of members, head included.',
    );
  }
  if (role.value === 'worker' && !headAddress) {
    refusals.push({
      code: 'TOPOLOGY_UNKNOWN',
      message: 'this worker does not know where the head is',
      hint: 'Set --head-address or MUSTER_HEAD_ADDRESS to the DNS name or IP of the head.',
    });
  }
  return refusals;
}

const unknownSize = (scheduler: string): Refusal => ({
  code: 'TOPOLOGY_UNKNOWN',
  message: `${scheduler} does not say how many members the group has`,
  hint: 'Set --world-size or MUSTER_WORLD_SIZE, head included.',
});

const unknownRole = (worldSize: Sourced<number>): Refusal => ({
  code: 'TOPOLOGY_UNKNOWN',
  message: `a group of ${worldSize.value} (${worldSize.origin}), but nothing says whether this is the head`,
  hint: 'Set --rank, or --role head|worker, or --head-address so that the machine with that address is the head.',
});
