/**
 * The path of a request, whatever protocol brings it: traced, checked, admitted, worked on, accounted for. A protocol gives
 * a `Caller` and the work; a failure anywhere becomes the caller's answer.
 */
import type { GatewayContext } from './context.ts';
import { Failure } from './failure.ts';
import { type Call, type InferRequest, type InferResponse, leftMs } from './protocol/infer.ts';
import type { Reply } from './protocol/reply.ts';

export interface Asked {
  readonly model: string;
  /** '' is the predictor's choice. */
  readonly version: string;
}

/** Who asks, by one request, and how it is told no. */
export interface Caller {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The address at the other end of the connection. */
  readonly address: string;
  /** Aborted when the client goes before its answer is written. */
  readonly gone: AbortSignal;
  /** `performance.now()` of the first byte. */
  readonly startedAt: number;
  /** Bytes of bodies. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** The HTTP status of the answer, or the one that says the same. */
  readonly status: number;
  /**
   * How the predictor is to be called; the client's own deadline counts when it is shorter.
   * @param timeoutMs ours
   * @param forward names of the headers that go on
   * @throws Failure 400
   */
  call(timeoutMs: number, forward: readonly string[]): Call;
  fail(failure: Failure): void;
}

/** Those of a request's headers that go on to the predictor. */
export function forwarded(headers: Caller['headers'], names: readonly string[]): Readonly<Record<string, string>> {
  const kept = names.flatMap((name) => {
    const value = headers[name];
    return typeof value === 'string' && value !== '' ? [[name, value]] : [];
  });
  return Object.fromEntries(kept);
}

/** What is done for a request that was admitted. `named`: the model that its body names; it throws a Failure 404. */
export type Work = (call: Call, named: (asked: Asked) => void) => Promise<void>;

export interface Request {
  /** Which API, for metrics, audit and traces, e.g. `v2`. */
  readonly api: string;
  /** Undefined while only the body says it. */
  readonly asked: Asked | undefined;
}

const NOBODY: Asked = { model: '', version: '' };

/** Everything from the first look to the last byte. Never rejects. */
export async function serve(context: GatewayContext, caller: Caller, request: Request, work: Work): Promise<void> {
  const { tracing } = context;
  const serving = () => admitted(context, caller, request, work);
  if (tracing) await tracing.request({ headers: caller.headers, api: request.api }, serving);
  else await serving();
}

async function admitted(context: GatewayContext, caller: Caller, request: Request, work: Work): Promise<Ended> {
  const { settings, served, admission, log } = context;
  let leave: () => void = () => {};
  let subject = NOBODY;
  const named = (asked: Asked) => {
    subject = asked;
    served.check(asked.model);
  };
  try {
    if (request.asked) named(request.asked);
    const call = caller.call(settings.predictor_request_timeout_seconds * 1000, settings.forward_headers);
    leave = await admission.enter(caller.gone, leftMs(call));
    await work(call, named);
    served.answered(subject.model);
  } catch (error) {
    caller.fail(asFailure(error, log));
  } finally {
    leave();
  }
  const ended = { api: request.api, ...subject, status: caller.gone.aborted ? 499 : caller.status };
  account(context, caller, ended);
  return ended;
}

interface Ended extends Asked {
  readonly api: string;
  /** Of HTTP; 499: the client was gone. */
  readonly status: number;
}

function account({ metrics, served, audit }: GatewayContext, caller: Caller, ended: Ended): void {
  const { headers, address: client, receivedBytes: bytesIn, sentBytes: bytesOut } = caller;
  const measured = { ...ended, bytesIn, bytesOut, tookMs: performance.now() - caller.startedAt };
  metrics.ended({ ...measured, model: served.label(ended.model) });
  audit?.write({ ...measured, headers, client }, new Date());
}

/** A bug is logged with its stack; the client learns that it is ours. */
export function asFailure(error: unknown, log: GatewayContext['log']): Failure {
  if (error instanceof Failure) return error;
  log.error(`BUG ${error instanceof Error ? error.stack : String(error)}`);
  return new Failure(500, 'the gateway failed; its log says more', { cause: error });
}

/** Asks the predictor, and counts how long it took. */
export async function infer(
  { predictor, metrics, served }: GatewayContext,
  request: InferRequest,
  call: Call,
  stage: 'predict' | 'explain' = 'predict',
): Promise<InferResponse> {
  const from = performance.now();
  try {
    return await predictor.infer(request, call);
  } finally {
    metrics.stage(stage, served.label(request.model), performance.now() - from);
  }
}

/** Asks for an explanation, and counts how long it took. @throws Failure 501 */
export async function explain(context: GatewayContext, request: InferRequest, call: Call): Promise<Reply> {
  if (!context.explain) throw noExplain();
  const from = performance.now();
  try {
    return await context.explain(request, call);
  } finally {
    context.metrics.stage('explain', context.served.label(request.model), performance.now() - from);
  }
}

export const noExplain = (): Failure =>
  new Failure(
    501,
    'explain is not offered: no transform has the hook, and the predictor has none by its protocol; --predictor_protocol v1 has it',
  );

/**
 * Counts how long it takes to turn a body into tensors, or tensors into a body.
 *
 * @throws Failure 400 for a body that goes deeper than the stack: JSON.parse takes any depth, and who walks through it does not
 */
export function timed<T>(
  { metrics, served }: GatewayContext,
  stage: 'preprocess' | 'postprocess',
  { model }: Pick<Asked, 'model'>,
  work: () => T,
): T {
  const from = performance.now();
  const result = stage === 'preprocess' ? withinStack(work) : work();
  metrics.stage(stage, served.label(model), performance.now() - from);
  return result;
}

function withinStack<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError && error.message.includes('call stack'))
      throw new Failure(400, 'the body is nested too deep', { cause: error });
    throw error;
  }
}
