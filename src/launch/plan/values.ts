/** Placeholders that are known before the rally. Pure. */
import type { Refusal } from '../../errors.ts';
import type { Sourced } from '../args/options.ts';
import { placeholdersIn } from '../catalogue/placeholders.ts';
import type { Template } from '../catalogue/schema.ts';
import type { PlanInput } from './build-plan.ts';
import type { Plan } from './plan.ts';

export function placeholderValues(
  draft: Omit<Plan, 'values' | 'terms' | 'digest'>,
  { runtime, runtimeDirectory, env }: PlanInput,
): Record<string, string> {
  const model = draft.model?.value;
  const variables = Object.entries(runtime.variables).map(([name, { env: from, default: otherwise }]) => [
    name,
    env[from] || otherwise,
  ]);
  const values: Record<string, string | undefined> = {
    ...Object.fromEntries(variables),
    model: model?.kind === 'directory' ? model.path : model?.kind === 'hub' ? model.id : undefined,
    model_dir: model?.kind === 'directory' ? model.path : undefined,
    model_id: model?.kind === 'hub' ? model.id : undefined,
    model_name: draft.modelName.value,
    tensor: told(draft.parallel.tensor),
    pipeline: told(draft.parallel.pipeline),
    port: draft.ports.http && String(draft.ports.http.value),
    grpc_port: draft.ports.grpc && String(draft.ports.grpc.value),
    world_size: String(draft.worldSize.value),
    rank: draft.rank && String(draft.rank.value),
    address: draft.address.value,
    engine_port: draft.ports.engine.value ? String(draft.ports.engine.value) : undefined,
    head_address: draft.role.value === 'head' ? draft.address.value : undefined,
    runtime_dir: runtimeDirectory,
  };
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** A size that nobody gave is not passed on: the server has a default of its own. */
const told = ({ value, origin }: Sourced<number>): string | undefined =>
  origin === 'default' ? undefined : String(value);

/** A variable that stands in the template by itself has no way to be left out: it must have a value. */
export function unsetVariables({ runtime, env }: PlanInput, template: Template): Refusal[] {
  const needed = new Set(template.filter((item) => typeof item === 'string').flatMap(placeholdersIn));
  return Object.entries(runtime.variables)
    .filter(([name, { env: from, default: otherwise }]) => needed.has(name) && !env[from] && otherwise === undefined)
    .map(([, { env: from, describe }]) => ({
      code: 'CONFIG_INVALID',
      message: `${from} is not set, and the runtime ${runtime.name} needs it`,
      hint: `${describe}.`,
    }));
}
