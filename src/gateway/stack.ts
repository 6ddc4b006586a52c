/** What answers requests: the predictor, and around it what the settings ask for, from the inside out. */
import type { Log } from '../log.ts';
import { openCache, openFeatures } from './cache/open.ts';
import type { GatewayMetrics } from './ops/metrics.ts';
import type { Tracing } from './ops/tracing.ts';
import type { Predictor } from './protocol/infer.ts';
import type { GatewaySettings } from './settings.ts';
import { type Explain, openTransforms, type Transforms } from './transform/open.ts';
import { explainBy, KnownInputs } from './transform/v1-predictor.ts';
import type { Resolve } from './upstream/endpoints/resolve.ts';
import { openPredictor } from './upstream/open.ts';

export interface Stack {
  /** For requests of clients. */
  readonly predictor: Predictor;
  /** The same without the cache: for who wants the model to work. */
  readonly uncached: Predictor;
  /** For `:explain`; undefined: nobody does. */
  readonly explain: Explain | undefined;
}

export interface Watchers {
  readonly metrics: GatewayMetrics;
  readonly tracing: Tracing | undefined;
  readonly log: Log;
  /** In place of the system's. */
  readonly resolve?: Resolve;
}

/** @throws MusterError */
export async function openStack(settings: GatewaySettings, watchers: Watchers): Promise<Stack> {
  const { metrics, tracing, log } = watchers;
  const upstream = openPredictor(settings, watchers);
  const traced = tracing?.predictor(upstream) ?? upstream;
  const told = settings.modelInputs ? new KnownInputs(traced, settings.modelInputs) : traced;
  const { predictor: uncached, explain } = await transformed(settings, told, watchers);
  const predictor = await openCache(uncached, settings, { log, meter: (outcome) => metrics.cache(outcome) });
  return { predictor, uncached, explain };
}

async function transformed(
  settings: GatewaySettings,
  predictor: Predictor,
  { metrics, tracing, log }: Watchers,
): Promise<Transforms> {
  const explain = settings.predictor_protocol === 'v1' ? explainBy(predictor) : undefined;
  if (settings.transforms.length === 0) return { predictor, explain };
  const { cache_features: keeps, explain_max_calls: maxCalls, explain_concurrency: maxRunning } = settings;
  const options = {
    transforms: settings.transforms,
    threads: settings.transform_threads,
    deadlineMs: settings.transform_timeout_seconds * 1000,
    memoryMb: settings.transform_memory_mb,
    explainLimits: { maxCalls, maxRunning },
    features: {
      keeps,
      store: await openFeatures(settings, log),
      meter: (outcome: string) => metrics.features(outcome),
    },
    meter: (transform: string, hook: string, tookMs: number) => {
      metrics.hook(transform, hook, tookMs);
      tracing?.past(`${hook} ${transform}`, tookMs);
    },
  };
  return openTransforms(predictor, options, explain);
}
