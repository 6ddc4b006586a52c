/** Options, env, runtime and facts to a plan, or every reason why not. Pure: no I/O, no clock, no `process`. */
import type { Refusal } from '../../errors.ts';
import type { Settings, Sourced } from '../args/options.ts';
import type { Env } from '../args/settings.ts';
import { placeholdersIn } from '../catalogue/placeholders.ts';
import type { EngineName, Runtime } from '../catalogue/schema.ts';
import { chooseAuth } from './auth.ts';
import { chooseEngine } from './engine.ts';
import { envChanges } from './env-changes.ts';
import type { Facts } from './facts.ts';
import { chooseModel, nameOfModel } from './model.ts';
import { checkCapacity, readParallel } from './parallel.ts';
import type { Plan, Takeover, Timing } from './plan.ts';
import { choosePorts } from './ports.ts';
import { lastValue } from './readings.ts';
import { digestOf, termsOf } from './terms.ts';
import { resolveTopology, type Topology } from './topology/resolve.ts';
import { placeholderValues, unsetVariables } from './values.ts';

export interface PlanInput {
  readonly command: 'launch' | 'run';
  readonly settings: Settings;
  readonly env: Env;
  readonly runtime: Runtime;
  readonly runtimeDirectory: string;
  readonly serverArgs: readonly string[] | undefined;
  readonly facts: Facts;
}

export type Planned = { readonly plan: Plan } | { readonly refusals: readonly [Refusal, ...Refusal[]] };

export function buildPlan(input: PlanInput): Planned {
  const { settings, env, facts } = input;
  const place = resolveTopology({ settings, env, host: facts.host, headIsHere: facts.headIsHere });
  const parts = place.topology ? assemble(input, place.topology) : { refusals: [] };
  const [first, ...rest] = [...place.refusals, ...parts.refusals];
  if (first) return { refusals: [first, ...rest] };
  if (!parts.plan) throw new Error('a plan without refusals must be a plan');
  return { plan: parts.plan };
}

function assemble(input: PlanInput, place: Topology): { plan?: Plan; refusals: readonly Refusal[] } {
  const { settings, env, runtime, facts } = input;
  const args = input.serverArgs ?? [];
  const reads = runtime.reads;
  const engine = chooseEngine({ runtime, settings, worldSize: place.worldSize.value });
  const model = planModel(input, place);
  const sizes = readParallel(args, env, reads);
  const devices = countDevices(input);
  const perMember = declaredForAll(devices, place) ? devices : undefined;
  // A server that is not told sizes has none to check.
  const capacity = reads.tensor
    ? checkCapacity(sizes.parallel, { worldSize: place.worldSize, perMember, kind: runtime.devices.kind })
    : { refusals: [], notes: [] };
  const ports = choosePorts({
    args,
    env,
    settings,
    runtime,
    engine: engine.engine.value,
    worldSize: place.worldSize.value,
  });
  const auth = chooseAuth({ settings, token: facts.token, tls: facts.tls, place });
  const refusals = [engine, model, sizes, capacity, ports, auth].flatMap((each) => each.refusals);
  const unset = engine.recipe ? unsetVariables(input, engine.recipe.head) : [];
  if (refusals.length + unset.length > 0 || !engine.recipe) return { refusals: [...refusals, ...unset] };
  const draft = {
    command: input.command,
    runtime: { value: runtime.name, origin: input.command === 'run' ? 'muster run' : 'command line' },
    engine: engine.engine,
    takeover: chooseTakeover(settings, engine.engine.value, place),
    ...place,
    address: { value: facts.address.value, origin: facts.address.origin },
    interface: facts.address.interface,
    model: model.model,
    modelName: modelName(input, model.model?.value),
    parallel: sizes.parallel,
    devices: { kind: runtime.devices.kind, perMember: devices },
    ports: ports.ports,
    timing: timingOf(settings, runtime),
    restarts: restartsOf(input, place),
    auth: auth.auth,
    serverArgs: input.serverArgs,
    recipe: engine.recipe,
    health: {
      probe: ports.ports.http ? runtime.health : undefined,
      host: reachable(lastValue(args, reads.host ?? [])?.value),
      smoke: settings['no-smoke']?.value ? [] : runtime.smoke,
    },
    env: envChanges({ engine: engine.engine.value, env, runtime, facts, place }),
    notes: [
      ...model.notes,
      ...(place.role.value === 'head' ? capacity.notes : []),
      ...ports.notes,
      ...auth.notes,
      ...tokenNotes(facts.token),
      ...envNotes(env),
    ],
  };
  const terms = termsOf(draft);
  const values = placeholderValues(draft, input);
  return { plan: { ...draft, values, terms, digest: digestOf(terms) }, refusals: [] };
}

/** A worker of KServe is told no model: it needs none unless it runs a server of its own, and then takes the head's. */
function planModel({ settings, runtime, serverArgs, facts }: PlanInput, place: Topology) {
  return chooseModel({
    need: runtime.model === 'required' && place.role.value === 'worker' ? 'optional' : runtime.model,
    directory: settings['model-dir'],
    seen: facts.modelDirectory,
    id: settings['model-id'],
    inArgs: lastValue(serverArgs ?? [], runtime.reads.model ?? []),
    takesHubIds: takesHubIds(runtime),
  });
}

const takesHubIds = ({ engines }: Runtime): boolean =>
  Object.values(engines)
    .flatMap((recipe) => recipe?.head ?? [])
    .flatMap((item) => (typeof item === 'string' ? item : item.args))
    .flatMap(placeholdersIn)
    .some((name) => name === 'model' || name === 'model_id');

function modelName(
  { settings, runtime, serverArgs }: PlanInput,
  model: Parameters<typeof nameOfModel>[0] | undefined,
): Sourced<string> {
  const inArgs = lastValue(serverArgs ?? [], runtime.reads.modelName ?? []);
  const own = model
    ? { value: nameOfModel(model), origin: "the model's own name" }
    : { value: runtime.name, origin: "the runtime's name" };
  return inArgs ?? settings['model-name'] ?? own;
}

/** For a CPU runtime what its file says; for GPUs what is set, else what was seen (0 seen: not known). */
function countDevices({ settings, runtime, facts }: PlanInput): Sourced<number> | undefined {
  const set = settings['devices-per-member'];
  if (runtime.devices.kind === 'cpu') {
    const declared = runtime.devices.perMember;
    const own =
      set?.origin === 'flag --devices-per-member' || set?.origin === 'env MUSTER_DEVICES_PER_MEMBER' ? set : undefined;
    return own ?? (declared === undefined ? undefined : { value: declared, origin: `runtime ${runtime.name}` });
  }
  return set ?? (facts.devices > 0 ? { value: facts.devices, origin: 'seen in /dev' } : undefined);
}

/** REQUEST_GPU_COUNT and what is seen here count this member only; a group of one is all members. */
const declaredForAll = (devices: Sourced<number> | undefined, { worldSize }: Topology): boolean =>
  worldSize.value === 1 || /^(flag|env MUSTER|runtime)/.test(devices?.origin ?? '');

/** Where nothing but the server runs, nothing needs to stay: Ray, or other members, would outlive a server unwatched. */
const chooseTakeover = (settings: Settings, engine: EngineName, { worldSize }: Topology): Sourced<Takeover> =>
  settings.takeover ??
  (worldSize.value === 1 && engine !== 'ray'
    ? { value: 'exec', origin: 'world size 1' }
    : { value: 'supervise', origin: 'default' });

function timingOf(settings: Settings, runtime: Runtime): Timing {
  const ms = (option: Sourced<number>): Sourced<number> => ({
    value: Math.round(option.value * 1000),
    origin: option.origin,
  });
  const ofRuntime = (value: number) => ({ value, origin: `runtime ${runtime.name}` });
  const lease = ms(settings.lease ?? { value: 3, origin: 'default' });
  return {
    rallyMs: ms(settings['rally-timeout'] ?? { value: 600, origin: 'default' }),
    readyMs: ms(settings['ready-timeout'] ?? ofRuntime(runtime.readyTimeoutSeconds)),
    hangMs: ms(settings['hang-timeout'] ?? { value: 120, origin: 'default' }),
    graceMs: ms(settings.grace ?? ofRuntime(runtime.graceSeconds)),
    leaseMs: lease,
    // Three beats fit in a lease, so that one lost beat is not a lost member.
    beatMs: { value: Math.max(100, Math.round(lease.value / 3)), origin: 'a third of the lease' },
    progressMs: ms(settings.progress ?? { value: 5, origin: 'default' }),
  };
}

/** A scheduler that recreates the group when a member is lost must not be raced; a group of one its kubelet restarts. */
function restartsOf({ command, settings }: PlanInput, place: Topology): Plan['restarts'] {
  const seconds = settings['restart-window'] ?? { value: 600, origin: 'default' };
  const zero = (why: string): Sourced<number> => ({ value: 0, origin: why });
  const usual =
    command === 'run'
      ? zero('muster run')
      : place.worldSize.value === 1
        ? zero('world size 1')
        : place.scheduler === 'leaderworkerset'
          ? zero('LeaderWorkerSet recreates the group')
          : { value: 3, origin: 'default' };
  return {
    limit: settings.restarts ?? usual,
    windowMs: { value: Math.round(seconds.value * 1000), origin: seconds.origin },
  };
}

/** A server bound to one address is asked there; wildcards and nothing mean loopback. */
const reachable = (host: string | undefined): string =>
  !host || host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;

/** A warning and no more: what a container mounts is often open to all who are in it, and nobody else is. */
const tokenNotes = (token: Facts['token']): string[] =>
  token?.openToAll
    ? [`the token ${token.origin} is open to every user of this machine: chmod 0400, or defaultMode: 0400`]
    : [];

const envNotes = (env: Env): string[] =>
  env.NODE_OPTIONS ? ['NODE_OPTIONS is set: it reaches muster itself, and is not passed on to the server'] : [];
