/** The plan for people and for programs, each value with its origin, secrets masked. Pure. */
import type { Sourced } from '../args/options.ts';
import { maskArgs, maskEnv, maskInside } from '../args/secrets.ts';
import type { Plan } from './plan.ts';

/** A command as it would run on this member; `who` is `engine` or `server`. */
export interface ShownCommand {
  readonly who: string;
  readonly argv: readonly string[];
}

export interface Row {
  readonly name: string;
  readonly value: string | number | boolean | null;
  readonly origin: string;
}

const row = (name: string, sourced: Sourced<string | number> | undefined, otherwise: string): Row =>
  sourced ? { name, value: sourced.value, origin: sourced.origin } : { name, value: null, origin: otherwise };

/** Every value of the plan, in the order of a launch. */
export function planRows(plan: Plan): Row[] {
  const { parallel, ports, timing, devices } = plan;
  const model = plan.model?.value;
  const source = model?.kind === 'directory' ? model.path : model?.kind === 'hub' ? model.id : model?.text;
  const seconds = (name: string, { value, origin }: Sourced<number>): Row => ({
    name,
    value: `${value / 1000} s`,
    origin,
  });
  const rows = [
    row('runtime', plan.runtime, ''),
    row('engine', plan.engine, ''),
    row('takeover', plan.takeover, ''),
    { name: 'scheduler', value: plan.scheduler, origin: 'detected from the environment' },
    row('world size', plan.worldSize, ''),
    row('role', plan.role, ''),
    row('rank', plan.rank, 'the head will give one'),
    row('member', plan.member, ''),
    row('head address', plan.headAddress, plan.role.value === 'head' ? 'this member' : 'unknown'),
    row('own address', plan.address, ''),
    { name: `model${model ? ` (${model.kind})` : ''}`, value: source ?? null, origin: plan.model?.origin ?? 'not set' },
    row('model name', plan.modelName, ''),
    row('tensor-parallel size', parallel.tensor, ''),
    row('pipeline-parallel size', parallel.pipeline, ''),
    row('data-parallel size', parallel.data, ''),
    row(`${devices.kind === 'gpu' ? 'GPUs' : 'shards'} per member`, devices.perMember, 'not known before the rally'),
    row('rally port', ports.rally, ''),
    ...(plan.engine.value === 'none' ? [] : [row('engine port', ports.engine, '')]),
    row('server port', ports.http, 'not asked'),
    ...(ports.grpc ? [row('server gRPC port', ports.grpc, '')] : []),
    row('authentication', plan.auth, ''),
    seconds('rally timeout', timing.rallyMs),
    seconds('ready timeout', timing.readyMs),
    seconds('hang timeout', timing.hangMs),
    seconds('grace', timing.graceMs),
    seconds('lease', timing.leaseMs),
    row('restarts', plan.restarts.limit, ''),
    seconds('restart window', plan.restarts.windowMs),
    { name: 'digest', value: plan.digest.slice(0, 16), origin: 'SHA-256 of what all members must agree on' },
  ];
  return rows.map((each) => (typeof each.value === 'string' ? { ...each, value: maskInside(each.value) } : each));
}

export function planAsText(plan: Plan, commands: readonly ShownCommand[]): string {
  const rows = planRows(plan).map(({ name, value, origin }) => [name, value === null ? '-' : String(value), origin]);
  const width = (at: number) => Math.min(48, Math.max(...rows.map((cells) => cells[at]?.length ?? 0)));
  const lines = rows.map(
    ([name = '', value = '', origin = '']) => `${name.padEnd(width(0))}  ${value.padEnd(width(1))}  ${origin}`,
  );
  const shown = commands.map(({ who, argv }) => `${who.padEnd(width(0))}  ${maskArgs(argv).map(quoted).join(' ')}`);
  const env = Object.entries(maskEnv(plan.env.defaults)).map(([name, value]) => `${name}=${quoted(value)}`);
  const more = [
    ...(env.length > 0 ? [`${'env added'.padEnd(width(0))}  ${env.join(' ')}`] : []),
    ...(plan.env.removed.length > 0 ? [`${'env removed'.padEnd(width(0))}  ${plan.env.removed.join(' ')}`] : []),
    ...plan.notes.map((note) => `${'note'.padEnd(width(0))}  ${note}`),
  ];
  return `${[...lines, ...shown, ...more].join('\n')}\n`;
}

export function planAsJson(plan: Plan, commands: readonly ShownCommand[]): string {
  const value = {
    digest: plan.digest,
    terms: plan.terms,
    values: Object.fromEntries(planRows(plan).map(({ name, value, origin }) => [name, { value, origin }])),
    commands: commands.map(({ who, argv }) => ({ who, argv: maskArgs(argv) })),
    env: { added: maskEnv(plan.env.defaults), removed: plan.env.removed },
    notes: plan.notes,
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** As a shell would want it typed, so that what is shown can be tried; never given to a shell by muster. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
