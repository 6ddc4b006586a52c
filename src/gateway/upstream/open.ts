/** The predictor that the settings name. A new protocol is a case here and a folder beside `oip/`. */
import { isIP } from 'node:net';
import type { Log } from '../../log.ts';
import { type Address, formatAddress } from '../../wire/address.ts';
import type { GatewayMetrics } from '../ops/metrics.ts';
import type { Predictor } from '../protocol/infer.ts';
import type { GatewaySettings } from '../settings.ts';
import { BalancedPredictor } from './endpoints/balanced.ts';
import { Endpoints } from './endpoints/endpoints.ts';
import { type Resolve, systemResolve } from './endpoints/resolve.ts';
import { OipGrpc } from './oip/oip-grpc.ts';
import { OpenAiRest } from './openai/openai-rest.ts';
import { predictorTls } from './predictor-tls.ts';
import { V1Rest } from './rest/v1-rest.ts';
import { tfsModels } from './rest/v1-tfs.ts';
import { V2Rest } from './rest/v2-rest.ts';
import { RETRY_BUDGET, RetryBudget } from './retry-budget.ts';
import { RetryingPredictor } from './retrying.ts';
import { ShadowedPredictor } from './shadow.ts';
import { SplitPredictor } from './split.ts';
import { TfsGrpc } from './tfs/tfs-grpc.ts';
import { MeteredPredictor, type Variant, type VariantMeter } from './variants.ts';

export interface UpstreamParts {
  readonly metrics: GatewayMetrics;
  readonly log: Log;
  readonly resolve?: Resolve;
}

/** Connections beside those for requests, so that a busy predictor can still be asked whether it is ready. */
const LOOKS = 16;

/** Copies at the shadow at once; each holds its request. */
const MAX_SHADOWS = 64;

/** With the canary and the shadow beside it. @throws MusterError CONFIG_INVALID */
export function openPredictor(settings: GatewaySettings, parts: UpstreamParts): Predictor {
  const { canary, canary_percent, shadow, shadow_percent } = settings;
  const { metrics } = parts;
  const meter: VariantMeter = (variant, code, tookMs) => metrics.variant(variant, code, tookMs);
  const open = (variant: Variant, predictor: Address) =>
    new MeteredPredictor(openRetried({ ...settings, predictor }, parts, variant), variant, meter);
  if (!canary && !shadow) return openRetried(settings, parts, 'predictor');
  const predictor = open('predictor', settings.predictor);
  const split = canary
    ? new SplitPredictor({ predictor, canary: open('canary', canary), percent: canary_percent })
    : predictor;
  if (!shadow) return split;
  return new ShadowedPredictor({
    predictor: split,
    shadow: open('shadow', shadow),
    percent: shadow_percent,
    maxRunning: MAX_SHADOWS,
    dropped: () => metrics.shadowDropped(),
  });
}

function openRetried(settings: GatewaySettings, parts: UpstreamParts, variant: Variant): Predictor {
  const inner = openAddresses(settings, parts, variant);
  const retries = variant === 'shadow' ? 0 : settings.predictor_request_retries;
  if (retries === 0) return inner;
  const meter = (outcome: string) => parts.metrics.retry(outcome);
  return new RetryingPredictor({ inner, retries, budget: new RetryBudget(RETRY_BUDGET), meter });
}

/** A name may have many addresses, now or later; an IP address is one. */
function openAddresses(
  settings: GatewaySettings,
  { metrics, log, resolve = systemResolve }: UpstreamParts,
  variant: Variant,
): Predictor {
  const { predictor: address, endpoints_refresh_seconds: refreshSeconds } = settings;
  const open = opener(settings);
  if (isIP(address.host) !== 0) return open(address.host);
  const refreshMs = refreshSeconds * 1000;
  const endpoints = new Endpoints({ ...address, resolve, refreshMs, open, log, opened: () => metrics.circuitOpened() });
  metrics.endpoints(variant, () => endpoints.states);
  return new BalancedPredictor({ endpoints, address, failedOver: () => metrics.failover() });
}

/** What makes a client of one IP address, which is called by its name in requests and certificates. */
function opener(settings: GatewaySettings): (host: string) => Predictor {
  const { predictor, predictor_protocol: protocol, max_reply_bytes: maxReplyBytes } = settings;
  const tls = predictorTls(settings);
  const flavour = settings.predictor_flavour === 'auto' ? undefined : settings.predictor_flavour;
  const how = { ...predictor, tls, maxReplyBytes };
  const authority = formatAddress(predictor);
  if (protocol === 'grpc-v2') return (host) => new OipGrpc({ ...how, flavour, host, authority });
  const signature = settings.tfs_signature;
  if (protocol === 'grpc-tfs') return (host) => new TfsGrpc({ ...how, signature, host, authority });
  const http = { ...how, authority: hostHeader(settings), maxSockets: settings.max_concurrent_requests + LOOKS };
  if (protocol === 'v1') return (host) => new V1Rest({ ...http, host });
  if (protocol === 'v1-tfs') return (host) => new V1Rest({ ...http, models: tfsModels(signature), host });
  if (protocol === 'openai') return (host) => new OpenAiRest({ ...http, prefix: settings.openai_prefix ?? '', host });
  return (host) => new V2Rest({ ...http, flavour, host });
}

/** Without the port that everybody assumes, as browsers send it: routers go by the name. */
function hostHeader({ predictor, predictor_use_ssl: tls }: GatewaySettings): string {
  const whole = formatAddress(predictor);
  return predictor.port === (tls ? 443 : 80) ? whole.replace(/:\d+$/, '') : whole;
}
