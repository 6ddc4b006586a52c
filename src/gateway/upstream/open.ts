/** The predictor that the settings name. A new protocol is a case here and a folder beside `oip/`. */
import { isIP } from 'node:net';
import { MusterError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { formatAddress } from '../../wire/address.ts';
import type { GatewayMetrics } from '../ops/metrics.ts';
import type { Predictor } from '../protocol/infer.ts';
import type { GatewaySettings } from '../settings.ts';
import { BalancedPredictor } from './endpoints/balanced.ts';
import { Endpoints } from './endpoints/endpoints.ts';
import { type Resolve, systemResolve } from './endpoints/resolve.ts';
import { OipGrpc } from './oip/oip-grpc.ts';
import { predictorTls } from './predictor-tls.ts';
import { RetryBudget } from './retry-budget.ts';
import { RetryingPredictor } from './retrying.ts';

export interface UpstreamParts {
  readonly metrics: GatewayMetrics;
  readonly log: Log;
  readonly resolve?: Resolve;
}

/** At most a fifth of the requests of the last ten seconds are sent again, and ten however few there are. */
const RETRY_BUDGET = { share: 0.2, floor: 10, windowMs: 10_000 };

/** @throws MusterError CONFIG_INVALID */
export function openPredictor(settings: GatewaySettings, parts: UpstreamParts): Predictor {
  const { predictor_request_retries: retries } = settings;
  const inner = openAddresses(settings, parts);
  if (retries === 0) return inner;
  const meter = (outcome: string) => parts.metrics.retry(outcome);
  return new RetryingPredictor({ inner, retries, budget: new RetryBudget(RETRY_BUDGET), meter });
}

/** A name may have many addresses, now or later; an IP address is one. */
function openAddresses(settings: GatewaySettings, { metrics, log, resolve = systemResolve }: UpstreamParts): Predictor {
  const { predictor: address, endpoints_refresh_seconds: refreshSeconds } = settings;
  const open = opener(settings);
  if (isIP(address.host) !== 0) return open(address.host);
  const refreshMs = refreshSeconds * 1000;
  const endpoints = new Endpoints({ ...address, resolve, refreshMs, open, log, opened: () => metrics.circuitOpened() });
  metrics.endpoints(() => endpoints.states);
  return new BalancedPredictor({ endpoints, address, failedOver: () => metrics.failover() });
}

/** What makes a client of one IP address, which is called by its name in requests and certificates. */
function opener(settings: GatewaySettings): (host: string) => Predictor {
  const {
    predictor,
    predictor_protocol: protocol,
    predictor_flavour: flavour,
    max_reply_bytes: maxReplyBytes,
  } = settings;
  if (protocol === 'grpc-v2') {
    const known = flavour === 'auto' ? undefined : flavour;
    const how = { ...predictor, flavour: known, tls: predictorTls(settings), maxReplyBytes };
    return (host) => new OipGrpc({ ...how, host, authority: formatAddress(predictor) });
  }
  throw new MusterError({
    code: 'CONFIG_INVALID',
    message: `--predictor_protocol ${protocol} is not spoken to the predictor`,
    hint: 'Write --predictor_protocol grpc-v2; the paths and bodies that clients use stay the same.',
  });
}
