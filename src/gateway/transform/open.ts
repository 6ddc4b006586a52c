/** The row of transforms that the settings choose, around a predictor. */
import { MusterError } from '../../errors.ts';
import type { CacheOutcome } from '../cache/keeper.ts';
import { LookupDesk, Lookups } from '../cache/lookups.ts';
import type { Store } from '../cache/store.ts';
import type { Call, InferRequest, Predictor } from '../protocol/infer.ts';
import type { Reply } from '../protocol/reply.ts';
import { DelegatingPredictor } from '../upstream/delegating.ts';
import { KnownModels } from '../upstream/known-models.ts';
import type { ChosenTransform } from './choose.ts';
import type { InferLimits } from './desk.ts';
import { identityOf } from './identity.ts';
import { TransformPool } from './pool.ts';
import { type HookMeter, TransformedPredictor } from './transformed.ts';

/** Answers `:explain`. */
export type Explain = (request: InferRequest, call: Call) => Promise<Reply>;

export interface TransformSettings {
  readonly transforms: readonly ChosenTransform[];
  /** For each of them; as many again for explanations, where it has any. */
  readonly threads: number;
  readonly deadlineMs: number;
  readonly memoryMb: number;
  readonly explainLimits: InferLimits;
  readonly features: FeatureSettings;
  readonly meter: HookMeter;
}

export interface FeatureSettings {
  /** Names of transforms whose `preprocess` is kept; `*`: of all. */
  readonly keeps: readonly string[];
  readonly store: Store;
  readonly meter: (outcome: CacheOutcome) => void;
}

export interface Transforms {
  readonly predictor: Predictor;
  /** By the first of the row that has the hook, or else by the predictor; undefined: by nobody. */
  readonly explain: Explain | undefined;
}

/**
 * The first of the row is the first that a request meets, and the last that an answer passes.
 *
 * @param explain how the predictor itself explains, if it does
 * @throws MusterError TRANSFORM_INVALID; no thread is left then
 */
export async function openTransforms(
  predictor: Predictor,
  settings: TransformSettings,
  explain?: Explain,
): Promise<Transforms> {
  let row: Transforms = { predictor: new WithStore(predictor, settings.features.store), explain };
  try {
    for (const chosen of settings.transforms.toReversed())
      row = before(await openOne(row.predictor, chosen, settings), row);
  } catch (error) {
    row.predictor.close();
    throw error;
  }
  return row;
}

/** The store is closed with the last of the row. */
class WithStore extends DelegatingPredictor {
  readonly #store: Store;

  constructor(inner: Predictor, store: Store) {
    super(inner);
    this.#store = store;
  }

  override close(): void {
    this.#store.close();
    super.close();
  }
}

function before({ predictor, explains }: Opened, { explain: behind }: Transforms): Transforms {
  if (explains) return { predictor, explain: (request, call) => predictor.explain(request, call) };
  if (!behind) return { predictor, explain: undefined };
  return { predictor, explain: async (request, call) => behind(await predictor.prepared(request, call), call) };
}

interface Opened {
  readonly predictor: TransformedPredictor;
  readonly explains: boolean;
}

async function openOne(inner: Predictor, chosen: ChosenTransform, settings: TransformSettings): Promise<Opened> {
  const { threads, deadlineMs, memoryMb, explainLimits, features, meter } = settings;
  const { store, keeps } = features;
  const identity = await identityOf(chosen);
  const lookups = new Lookups(store, features.meter);
  const options = { ...chosen, threads, deadlineMs, memoryMb, lookups: () => new LookupDesk(lookups, identity) };
  const pool = await TransformPool.open(options);
  try {
    const kept = keeps.includes(chosen.name) || (keeps.includes('*') && pool.shape.hooks.includes('preprocess'));
    if (kept && !pool.shape.hooks.includes('preprocess')) throw nothingToKeep(chosen.name);
    const explains = pool.shape.hooks.includes('explain');
    const predictor = new TransformedPredictor({
      inner,
      models: new KnownModels(inner),
      pool,
      explainPool: explains ? await TransformPool.open(options) : undefined,
      explainLimits,
      features: kept ? { store, identity, meter: features.meter } : undefined,
      meter,
    });
    return { predictor, explains };
  } catch (error) {
    pool.close();
    throw error;
  }
}

const nothingToKeep = (name: string): MusterError =>
  new MusterError({
    code: 'TRANSFORM_INVALID',
    message: `--cache_features ${name}: this transform has no "preprocess", so it makes no features`,
    hint: 'Leave it out, or write * for all that have one.',
  });
