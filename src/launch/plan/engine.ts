/** Which engine, and what it makes the members run. Pure. */
import type { Refusal } from '../../errors.ts';
import type { Settings, Sourced } from '../args/options.ts';
import type { EngineName, Runtime } from '../catalogue/schema.ts';
import type { Recipe } from './plan.ts';

export interface EngineInput {
  readonly runtime: Runtime;
  readonly settings: Settings;
  readonly worldSize: number;
}

export function chooseEngine({ runtime, settings, worldSize }: EngineInput): {
  engine: Sourced<EngineName>;
  recipe?: Recipe;
  refusals: readonly Refusal[];
} {
  const usual = worldSize > 1 ? runtime.engine.several : runtime.engine.single;
  const engine = settings.engine ?? { value: usual, origin: `runtime ${runtime.name}, world size ${worldSize}` };
  const recipe = recipeOf(runtime, engine.value, settings['engine-arg']?.value ?? []);
  if (!recipe) {
    return {
      engine,
      refusals: [
        {
          code: 'CONFIG_INVALID',
          message: `runtime ${runtime.name} has no engine ${engine.value} (${engine.origin}); it has ${Object.keys(runtime.engines).join(', ')}`,
          hint: 'Choose one of these with --engine, or describe it in a runtime file of your own (--runtimes DIR).',
        },
      ],
    };
  }
  return engine.value === 'none' && worldSize > 1
    ? { engine, refusals: [alone(runtime, engine, worldSize)] }
    : { engine, recipe, refusals: [] };
}

const alone = (runtime: Runtime, engine: Sourced<EngineName>, worldSize: number): Refusal => ({
  code: 'TOPOLOGY_INVALID',
  message: `engine none (${engine.origin}) runs one member, but the group has ${worldSize}`,
  hint: `Choose --engine ray or native if ${runtime.name} has it, or set the world size to 1.`,
});

function recipeOf(runtime: Runtime, engine: EngineName, engineArgs: readonly string[]): Recipe | undefined {
  const { reads, ports } = runtime;
  const spellings = { ...reads, port: ports.http.spellings, grpcPort: ports.grpc?.spellings ?? [] };
  const { ray, native, none } = runtime.engines;
  if (engine === 'ray')
    return ray && { head: ray.head, worker: undefined, spellings, rayArgs: [...ray.startArgs, ...engineArgs] };
  if (engine === 'native') return native && { head: native.head, worker: native.worker, spellings, rayArgs: [] };
  return none && { head: none.head, worker: undefined, spellings, rayArgs: [] };
}
