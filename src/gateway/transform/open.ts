/** The row of transforms that the settings choose, around a predictor. */
import type { Predictor } from '../protocol/infer.ts';
import { KnownModels } from '../upstream/known-models.ts';
import type { ChosenTransform } from './choose.ts';
import { TransformPool } from './pool.ts';
import { type HookMeter, TransformedPredictor } from './transformed.ts';

export interface TransformSettings {
  readonly transforms: readonly ChosenTransform[];
  /** For each of them. */
  readonly threads: number;
  readonly deadlineMs: number;
  readonly meter: HookMeter;
}

/**
 * The first of the row is the first that a request meets, and the last that an answer passes.
 *
 * @throws MusterError TRANSFORM_INVALID; no thread is left then
 */
export async function openTransforms(predictor: Predictor, settings: TransformSettings): Promise<Predictor> {
  const { transforms, threads, deadlineMs, meter } = settings;
  let inner = predictor;
  try {
    for (const { name, choice } of transforms.toReversed()) {
      const pool = await TransformPool.open({ name, choice, threads, deadlineMs });
      inner = new TransformedPredictor({ inner, models: new KnownModels(inner), pool, meter });
    }
  } catch (error) {
    inner.close();
    throw error;
  }
  return inner;
}
