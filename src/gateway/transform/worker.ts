/** The thread in which one transform runs: loads it, says what it has, then does one job after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import type { InferRequest, InferResponse } from '../protocol/infer.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { stringify } from '../tensor/to-json.ts';
import { AskFailed, type AskGateway, Asks } from './asks.ts';
import { contextOf } from './context.ts';
import { loadTransform } from './load.ts';
import { type Job, packed, type Said, type Told } from './messages.ts';
import { returned } from './returned.ts';
import { type ExplainContext, HOOKS, type Transform, type TransformChoice } from './transform.ts';

const say = (said: Said, transfer: ArrayBuffer[] = []) => parentPort?.postMessage(said, transfer);
const asks = new Asks(say);

const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 1_000);

/** 400-499 are the client's mistakes, and the predictor's failures stay what they are; the rest is the transform's. */
function statusOf(error: unknown): number {
  if (error instanceof AskFailed) return error.status;
  const status = (error as { status?: unknown } | undefined)?.status;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}

async function work(transform: Transform, job: Job): Promise<void> {
  const { hook, request, metadata } = job;
  const ask = asks.open();
  const context = contextOf(metadata, ask);
  try {
    if (hook === 'preprocess') {
      const made = returned(await transform.preprocess?.(request, context), request, 'inputs');
      done(made, 'inputs', made.inputs);
    } else if (hook === 'postprocess') {
      const made = returned(await transform.postprocess?.(job.response, request, context), job.response, 'outputs');
      done(made, 'outputs', made.outputs);
    } else {
      explained(await transform.explain?.(request, { ...context, infer: inferFor(request, ask) }));
    }
  } catch (error) {
    say({ what: 'failed', status: statusOf(error), message: firstLine(error) });
  } finally {
    asks.close();
  }
}

function done(made: InferRequest | InferResponse, field: 'inputs' | 'outputs', given: readonly Tensor[]): void {
  const { tensors, transfer } = packed(given);
  say({ what: 'done', result: { ...made, [field]: tensors } }, transfer);
}

function explained(result: unknown): void {
  if (typeof result !== 'object' || result === null)
    throw new Error('the hook returned no object for the answer, such as { explanations: […] }');
  say({ what: 'done', result: stringify(result) });
}

const inferFor =
  (explained: InferRequest, ask: AskGateway): ExplainContext['infer'] =>
  async (given) => {
    if (!Array.isArray(given?.inputs)) throw new TypeError('infer takes a request with "inputs"');
    const { tensors, transfer } = packed(given.inputs);
    const request = { ...explained, outputs: [], ...given, inputs: tensors };
    return (await ask({ want: 'infer', request }, transfer)) as InferResponse;
  };

try {
  const transform = await loadTransform(workerData as TransformChoice);
  const hooks = HOOKS.filter((hook) => transform[hook] !== undefined);
  parentPort?.on('message', (told: Told) => {
    if ('hook' in told) void work(transform, told);
    else asks.answered(told);
  });
  say({ what: 'loaded', shape: { inputs: transform.inputs, outputs: transform.outputs, hooks } });
} catch (error) {
  say({ what: 'unloadable', message: firstLine(error) });
}
