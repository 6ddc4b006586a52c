/** What answers requests: the predictor, and around it what the settings ask for, from the inside out. */
import type { Log } from '../log.ts';
import { openCache } from './cache/open.ts';
import type { GatewayMetrics } from './ops/metrics.ts';
import type { Tracing } from './ops/tracing.ts';
import type { Predictor } from './protocol/infer.ts';
import type { GatewaySettings } from './settings.ts';
import { openTransforms } from './transform/open.ts';
import type { Resolve } from './upstream/endpoints/resolve.ts';
import { openPredictor } from './upstream/open.ts';

export interface Stack {
  /** For requests of clients. */
  readonly predictor: Predictor;
  /** The same without the cache: for who wants the model to work. */
  readonly uncached: Predictor;
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
  const uncached = await openTransforms(tracing?.predictor(upstream) ?? upstream, {
    transforms: settings.transforms,
    threads: settings.transform_threads,
    deadlineMs: settings.transform_timeout_seconds * 1000,
    meter: (transform, hook, tookMs) => {
      metrics.hook(transform, hook, tookMs);
      tracing?.past(`${hook} ${transform}`, tookMs);
    },
  });
  const predictor = await openCache(uncached, settings, { log, meter: (outcome) => metrics.cache(outcome) });
  return { predictor, uncached };
}
