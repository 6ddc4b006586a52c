/** What the launch will need of this machine: read from the plan, or, when the plan is refused, from what was set. Pure. */
import type { Settings } from '../launch/args/options.ts';
import type { Env } from '../launch/args/settings.ts';
import type { EngineName } from '../launch/catalogue/schema.ts';
import type { Facts as LaunchFacts } from '../launch/plan/facts.ts';
import { shardsOf } from '../launch/plan/parallel.ts';
import type { Plan } from '../launch/plan/plan.ts';
import { detect, type Role } from '../launch/plan/topology/detectors.ts';

export interface PlannedPort {
  readonly use: 'rally' | 'engine' | 'server' | 'server gRPC' | 'probe';
  readonly port: number;
  readonly origin: string;
  /** How to move it. */
  readonly option: string;
}

export interface Needs {
  /** Undefined: no runtime was named. */
  readonly engine: EngineName | undefined;
  readonly worldSize: number;
  readonly role: Role | undefined;
  readonly headAddress: string | undefined;
  readonly address: string;
  readonly interface: string | undefined;
  readonly kind: 'gpu' | 'cpu' | undefined;
  /** Of the whole group: tensor × pipeline × data. */
  readonly shards: number;
  /** The largest share of one member, when they are spread evenly. */
  readonly shardsHere: number;
  /** What this member itself listens on. */
  readonly ports: readonly PlannedPort[];
  readonly modelDir: string | undefined;
  /** The weights come from a hub. */
  readonly fromHub: boolean;
  /** The first word of the server's command; undefined: this member runs none. */
  readonly program: string | undefined;
  readonly takeover: Plan['takeover']['value'] | undefined;
}

export interface NeedsInput {
  readonly plan: Plan;
  readonly settings: Settings;
  readonly program: string | undefined;
}

export function needsOfPlan({ plan, settings, program }: NeedsInput): Needs {
  const shards = shardsOf(plan.parallel);
  const model = plan.model?.value;
  const named = model?.kind === 'args' && model.text.startsWith('/') ? model.text : undefined;
  return {
    engine: plan.engine.value,
    worldSize: plan.worldSize.value,
    role: plan.role.value,
    headAddress: plan.headAddress?.value,
    address: plan.address.value,
    interface: plan.interface,
    kind: plan.devices.kind,
    shards,
    shardsHere: Math.ceil(shards / plan.worldSize.value),
    ports: portsOf(plan, settings),
    modelDir: model?.kind === 'directory' ? model.path : named,
    fromHub: model?.kind === 'hub' || (model?.kind === 'args' && named === undefined),
    program,
    takeover: plan.takeover.value,
  };
}

/** Enough for the machine's own checks: what only the plan knows is left open. */
export function needsOfSettings(settings: Settings, env: Env, facts: LaunchFacts): Needs {
  const size = settings['world-size']?.value;
  const { detected } = detect({ ...env, MUSTER_WORLD_SIZE: size === undefined ? undefined : String(size) }, facts.host);
  const worldSize = size ?? detected.worldSize?.value ?? 1;
  const rank = (settings.rank ?? detected.rank)?.value;
  const role = settings.role?.value ?? (rank === undefined ? detected.role?.value : rank === 0 ? 'head' : 'worker');
  return {
    engine: settings.engine?.value,
    worldSize,
    role: role ?? (worldSize === 1 ? 'head' : undefined),
    headAddress: (settings['head-address'] ?? detected.headAddress)?.value,
    address: facts.address.value,
    interface: facts.address.interface,
    kind: undefined,
    shards: 1,
    shardsHere: 1,
    ports: [
      ...(worldSize > 1 && role !== 'worker' ? [rallyPort(settings)] : []),
      ...planned('server', settings['server-port'], '--server-port'),
      ...planned('probe', settings['probe-port'], '--probe-port'),
    ],
    modelDir: settings['model-dir']?.value,
    fromHub: !settings['model-dir'] && settings['model-id'] !== undefined,
    program: undefined,
    takeover: settings.takeover?.value,
  };
}

function portsOf(plan: Plan, settings: Settings): PlannedPort[] {
  const { ports, role, worldSize, engine, recipe } = plan;
  const head = role.value === 'head';
  const runsServer = head || recipe.worker !== undefined;
  return [
    ...(head && worldSize.value > 1 ? planned('rally', ports.rally, '--rally-port') : []),
    ...(head && engine.value !== 'none' ? planned('engine', ports.engine, '--engine-port') : []),
    // A native worker is told to serve nobody: its server opens no port for clients.
    ...(head && runsServer ? planned('server', ports.http, '--server-port, or the server args') : []),
    ...(head && runsServer ? planned('server gRPC', ports.grpc, 'the server args') : []),
    ...planned('probe', settings['probe-port'], '--probe-port'),
  ];
}

const rallyPort = (settings: Settings): PlannedPort => ({
  use: 'rally',
  port: settings['rally-port']?.value ?? 7600,
  origin: settings['rally-port']?.origin ?? 'default',
  option: '--rally-port',
});

const planned = (
  use: PlannedPort['use'],
  port: { readonly value: number; readonly origin: string } | undefined,
  option: string,
): PlannedPort[] => (port && port.value > 0 ? [{ use, port: port.value, origin: port.origin, option }] : []);
