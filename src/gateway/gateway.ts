/** `muster gateway`: opens the predictor and the server, serves until it is asked to stop, and drains. */
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, type ExitStatus } from '../errors.ts';
import type { Log } from '../log.ts';
import { formatAddress } from '../wire/address.ts';
import type { World } from '../world.ts';
import type { GatewayContext } from './context.ts';
import { type Doors, openDoors } from './door/doors.ts';
import { passesV1 } from './http/work.ts';
import { openTextParts } from './openai/text/open.ts';
import { Admission } from './ops/admission.ts';
import { GatewayMetrics } from './ops/metrics.ts';
import { openAudit, openTracing } from './ops/open.ts';
import { Readiness } from './ops/readiness.ts';
import { openQueue } from './queue/open.ts';
import { ServedModels } from './served.ts';
import type { GatewaySettings } from './settings.ts';
import { openStack } from './stack.ts';
import { KnownModels } from './upstream/known-models.ts';
import { RETRY_BUDGET, RetryBudget } from './upstream/retry-budget.ts';
import { openWarmUp } from './warm-up/open.ts';
import { type WarmUpOptions, warmUp } from './warm-up/warm-up.ts';

export interface Gateway {
  /** For HTTP. */
  readonly port: number;
  /** Undefined: gRPC is not served. */
  readonly grpcPort: number | undefined;
  /** Not ready at once, serving for `drain_seconds`, then no more; resolves when all is closed. */
  drain(): Promise<void>;
  /** At once: what is under way is cut. */
  close(): Promise<void>;
}

/** @throws MusterError */
export async function openGateway(
  settings: GatewaySettings,
  { version, log }: { version: string; log: Log },
): Promise<Gateway> {
  const [firstModel = ''] = settings.model_name;
  const requests = openWarmUp(settings.model_warmup, {
    model: firstModel,
    openAi: settings.predictor_protocol === 'openai',
  });
  const text = await openTextParts(settings);
  const admission = new Admission({
    maxRunning: settings.max_concurrent_requests,
    maxWaiting: settings.max_queued_requests,
    maxWaitMs: settings.queue_timeout_seconds * 1000,
  });
  const counts = { running: () => admission.running, waiting: () => admission.waiting };
  const metrics = new GatewayMetrics(counts);
  metrics.speaks(settings.predictor_protocol);
  const tracing = await openTracing(settings);
  const audit = await openAudit(settings.audit_log, log);
  const { predictor, uncached, explain } = await openStack(settings, { metrics, tracing, log });
  const served = new ServedModels(settings.model_name);
  const context: GatewayContext = {
    settings,
    predictor,
    explain,
    models: new KnownModels(predictor),
    served,
    admission,
    readiness: new Readiness(predictor, served.names, () => performance.now()),
    metrics,
    tracing,
    audit,
    text,
    resumes: new RetryBudget(RETRY_BUDGET),
    version,
    log,
  };
  if (requests.length > 0) context.readiness.hold('warming up');
  const queue = await openQueue(context);
  const doors = await openDoors({ ...context, queue });
  const closing = new AbortController();
  warm(context, { predictor: uncached, requests, signal: closing.signal });
  const close = async () => {
    closing.abort();
    doors.cut();
    await Promise.all([doors.close(), queue?.close()]);
    predictor.close();
    await Promise.all([tracing?.close(), audit?.close()]);
  };
  const { httpPort: port, grpcPort } = doors;
  return { port, grpcPort, close, drain: () => drain({ ...context, queue }, doors).then(close) };
}

/** In the background; the gateway is ready when it has ended. */
function warm(
  { readiness, settings, log }: GatewayContext,
  what: Pick<WarmUpOptions, 'predictor' | 'requests' | 'signal'>,
): void {
  const deadlineMs = settings.predictor_request_timeout_seconds * 1000;
  const tell = (why: string | undefined) => readiness.hold(why);
  warmUp({ ...what, passesV1: passesV1(settings), deadlineMs, log, tell }).catch((error: Error) => {
    if (!what.signal.aborted) log.error(`BUG warm-up: ${error.stack}`);
  });
}

/** Routers learn of it by the probes; until they have, requests keep coming and are served. */
async function drain({ readiness, admission, queue, settings, log }: GatewayContext, doors: Doors): Promise<void> {
  readiness.drain();
  doors.drain();
  const jobs = queue?.drain();
  await sleep(settings.drain_seconds * 1000);
  const late = new AbortController();
  const patience = sleep(settings.graceful_timeout_seconds * 1000, true, { signal: late.signal }).catch(() => false);
  const cut = await Promise.race([Promise.all([doors.close(), jobs]).then(() => false), patience]);
  late.abort();
  if (cut) log.warn(`${admission.running} requests were cut after ${settings.graceful_timeout_seconds} s`);
}

const portsOf = ({ port, grpcPort }: Gateway): string =>
  grpcPort === undefined || grpcPort === port ? `port ${port}` : `port ${port}, gRPC on ${grpcPort}`;

const ASKS_TO_STOP: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGQUIT'];

/** Serves until a signal: the first one drains, another one closes at once. */
export async function runGateway(settings: GatewaySettings, world: World, log: Log): Promise<ExitStatus> {
  const gateway = await openGateway(settings, { version: world.version, log });
  log.info(
    `serving ${settings.model_name.join(', ')} on ${portsOf(gateway)}, from ${formatAddress(settings.predictor)}`,
  );
  const over = Promise.withResolvers<void>();
  let asked = false;
  const deaf = world.onSignal((signal) => {
    if (!ASKS_TO_STOP.includes(signal)) return;
    const how = asked ? gateway.close() : gateway.drain();
    log.info(asked ? `${signal} again: closing at once` : `${signal}: draining for ${settings.drain_seconds} s`);
    asked = true;
    how.then(over.resolve, over.reject);
  });
  try {
    await over.promise;
    return EXIT.ok;
  } finally {
    deaf();
  }
}
