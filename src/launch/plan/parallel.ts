/** How many shards there are, and whether the members can hold them. Pure. */
import type { Refusal } from '../../errors.ts';
import type { Sourced } from '../args/options.ts';
import type { Env } from '../args/settings.ts';
import type { Runtime } from '../catalogue/schema.ts';
import { lastNumber, wholeNumber } from './readings.ts';

export interface Parallel {
  readonly tensor: Sourced<number>;
  readonly pipeline: Sourced<number>;
  readonly data: Sourced<number>;
}

const SIZE = { min: 1, max: 65_536 };
const ENV = { tensor: 'TENSOR_PARALLEL_SIZE', pipeline: 'PIPELINE_PARALLEL_SIZE', data: 'DATA_PARALLEL_SIZE' } as const;

/** Server args, else env, else 1. The args win because the server takes its last flag, and the user's come last. */
export function readParallel(
  args: readonly string[],
  env: Env,
  reads: Runtime['reads'],
): { parallel: Parallel; refusals: readonly Refusal[] } {
  const refusals: Refusal[] = [];
  const size = (of: keyof typeof ENV): Sourced<number> => {
    const fromArgs = lastNumber(args, reads[of] ?? [], SIZE);
    const variable = env[ENV[of]];
    const fromEnv =
      variable && !fromArgs.value ? wholeNumber({ value: variable, origin: `env ${ENV[of]}` }, SIZE) : undefined;
    refusals.push(...fromArgs.refusals, ...(fromEnv?.refusals ?? []));
    return fromArgs.value ?? fromEnv?.value ?? { value: 1, origin: 'default' };
  };
  return { parallel: { tensor: size('tensor'), pipeline: size('pipeline'), data: size('data') }, refusals };
}

export interface Capacity {
  readonly worldSize: Sourced<number>;
  /** Shards one member can hold; undefined: not known here, the rally adds up what each member reports. */
  readonly perMember: Sourced<number> | undefined;
  readonly kind: 'gpu' | 'cpu';
}

/** Shards of the whole group. */
export const shardsOf = ({ tensor, pipeline, data }: Parallel): number => tensor.value * pipeline.value * data.value;

/**
 * Refuses sizes that do not fit, with both numbers, before anything starts. One member's count speaks for all only
 * where it was declared for all; unequal members (KServe allows them) are added up by the rally.
 */
export function checkCapacity(
  parallel: Parallel,
  { worldSize, perMember, kind }: Capacity,
): { refusals: readonly Refusal[]; notes: readonly string[] } {
  const shards = shardsOf(parallel);
  const sizes = `tensor ${parallel.tensor.value} (${parallel.tensor.origin}) × pipeline ${parallel.pipeline.value} (${parallel.pipeline.origin})${parallel.data.value > 1 ? ` × data ${parallel.data.value} (${parallel.data.origin})` : ''}`;
  const have = perMember ? worldSize.value * perMember.value : undefined;
  if (perMember && have !== undefined && have < shards) {
    const unit = kind === 'gpu' ? 'GPUs' : 'shards';
    return {
      refusals: [
        {
          code: 'PARALLEL_SIZE',
          message: `${sizes} needs ${shards} ${unit}, but ${worldSize.value} members × ${perMember.value} (${perMember.origin}) hold ${have}`,
          hint: 'Lower the parallel sizes, or give the group more members or the members more devices.',
        },
      ],
      notes: [],
    };
  }
  const idle = worldSize.value > 1 && shards < worldSize.value;
  return {
    refusals: [],
    notes: idle ? [`${sizes} is ${shards} shards for ${worldSize.value} members: some hold nothing`] : [],
  };
}
