/**
 * The plan's templates to commands, once the rally has said the rest. Pure: the same plan and seat give the same bytes.
 */
import { MusterError } from '../../errors.ts';
import type { Command } from '../../process/command.ts';
import type { Env } from '../args/settings.ts';
import { fill, placeholdersIn, SERVER_ARGS } from '../catalogue/placeholders.ts';
import type { Template } from '../catalogue/schema.ts';
import type { Plan } from './plan.ts';
import { mentions } from './readings.ts';

/** What only the rally knows. */
export interface Seating {
  /** Not a number only in a preview, before the rally has given one. */
  readonly rank: number | '<rank>';
  /** Where the head is: an IP. */
  readonly headAddress: string;
  /** The head's placeholders, for what this member was not told itself; empty on the head. */
  readonly fromHead: Readonly<Record<string, string>>;
  /** The head's server args; used where this member was given none. */
  readonly serverArgs: readonly string[];
  /** What the engine adds to the server's environment, e.g. RAY_ADDRESS. */
  readonly engineEnv: Readonly<Record<string, string>>;
}

/** What the head's word is final for, its silence too: a worker's own value of these is only a guess from its env. */
const HEADS_WORD = ['model_name', 'tensor', 'pipeline', 'port', 'grpc_port', 'engine_port'];

export function seatedValues(
  plan: Plan,
  seating: Pick<Seating, 'rank' | 'headAddress' | 'fromHead'>,
): Record<string, string> {
  const { fromHead } = seating;
  const port = fromHead.engine_port ?? plan.values.engine_port;
  const told = Object.keys(fromHead).length > 0;
  const own = Object.entries(plan.values).filter(([name]) => !told || !HEADS_WORD.includes(name));
  const final = Object.entries(fromHead).filter(([name]) => HEADS_WORD.includes(name));
  return {
    ...pickModel(plan, fromHead),
    ...Object.fromEntries([...own, ...final]),
    rank: String(seating.rank),
    head_address: seating.headAddress,
    ...(port ? { head_endpoint: endpoint(seating.headAddress, port) } : {}),
  };
}

/** `host:port` with IPv6 in brackets. */
export const endpoint = (host: string, port: number | string): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** The head's model where this member has none of its own: KServe tells it to the head only. */
const pickModel = (plan: Plan, fromHead: Readonly<Record<string, string>>): Record<string, string> =>
  plan.model
    ? {}
    : Object.fromEntries(
        Object.entries(fromHead).filter(([name]) => name === 'model' || name === 'model_dir' || name === 'model_id'),
      );

/** The server of this member, or undefined for a worker that only holds its part of the engine. */
export function serverCommand(plan: Plan, seating: Seating, env: Env): Command | undefined {
  const template = plan.role.value === 'head' ? plan.recipe.head : plan.recipe.worker;
  if (!template) return undefined;
  const args = plan.serverArgs ?? seating.serverArgs;
  const argv = renderTemplate(template, {
    args,
    values: seatedValues(plan, seating),
    spellings: plan.recipe.spellings,
  });
  const [program, ...rest] = argv;
  if (program === undefined) throw new MusterError(NO_PROGRAM);
  return { argv: [program, ...rest], env: serverEnv(plan, env, { ...rankEnv(plan, seating), ...seating.engineEnv }) };
}

const NO_PROGRAM = {
  code: 'USAGE',
  message: 'there is no command to run',
  hint: 'Write it behind `--`: muster run [options] -- COMMAND [ARGS].',
} as const;

export interface RenderInput {
  readonly args: readonly string[];
  readonly values: Readonly<Record<string, string>>;
  readonly spellings: Readonly<Record<string, readonly string[]>>;
}

/** @throws MusterError CONFIG_INVALID naming a placeholder that has no value and stands outside a group */
export function renderTemplate(template: Template, { args, values, spellings }: RenderInput): string[] {
  const says = (reading: string) => mentions(args, spellings[reading] ?? []);
  return template.flatMap((item) => {
    if (item === SERVER_ARGS) return args;
    if (typeof item === 'string') return [fill(item, values) ?? missing(item, values)];
    if (item.unless?.some(says)) return [];
    const filled = item.args.map((arg) => fill(arg, values));
    return filled.every((arg) => arg !== undefined) ? filled : [];
  });
}

function missing(item: string, values: Readonly<Record<string, string>>): never {
  const name = placeholdersIn(item).find((each) => values[each] === undefined);
  throw new MusterError({
    code: 'CONFIG_INVALID',
    message: `the runtime's argument "${item}" needs {${name}}, which has no value`,
    hint: 'See `muster runtimes show NAME` for where it comes from, and --explain for what is known.',
  });
}

/** Ours, less what the plan removes, plus its defaults, plus the engine's. */
export function serverEnv(plan: Plan, env: Env, added: Readonly<Record<string, string>>): Record<string, string> {
  const removed = new Set(plan.env.removed);
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !removed.has(entry[0]),
  );
  return { ...plan.env.defaults, ...Object.fromEntries(kept), ...added };
}

/** torch's names, for a command of the user's own (`muster run --engine native`); a server of the catalogue has flags. */
function rankEnv(plan: Plan, { rank, headAddress, fromHead }: Seating): Record<string, string> {
  if (plan.command !== 'run' || plan.engine.value === 'none') return {};
  const port = fromHead.engine_port ?? plan.values.engine_port;
  return {
    RANK: String(rank),
    WORLD_SIZE: String(plan.worldSize.value),
    MASTER_ADDR: headAddress,
    ...(port && plan.engine.value === 'native' ? { MASTER_PORT: port } : {}),
  };
}
