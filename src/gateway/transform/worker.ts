/** The thread in which one transform runs: loads it, says what it has, then does one job after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import type { InferRequest, InferResponse } from '../protocol/infer.ts';
import { contextOf } from './context.ts';
import { loadTransform } from './load.ts';
import { type Job, packed, type Said } from './messages.ts';
import type { Transform, TransformChoice } from './transform.ts';

const say = (said: Said, transfer: ArrayBuffer[] = []) => parentPort?.postMessage(said, transfer);

const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 1_000);

/** 400-499 are the client's mistakes; everything else is the transform's. */
function statusOf(error: unknown): number {
  const status = (error as { status?: unknown } | undefined)?.status;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}

async function work(transform: Transform, job: Job): Promise<void> {
  const context = contextOf(job.metadata);
  try {
    if (job.hook === 'preprocess') {
      const result = await (transform.preprocess?.(job.request, context) ?? job.request);
      answer(result, 'inputs');
    } else {
      const result = await (transform.postprocess?.(job.response, job.request, context) ?? job.response);
      answer(result, 'outputs');
    }
  } catch (error) {
    say({ what: 'failed', status: statusOf(error), message: firstLine(error) });
  }
}

function answer(result: InferRequest | InferResponse, field: 'inputs' | 'outputs'): void {
  const given = (result as unknown as Readonly<Record<string, unknown>> | undefined)?.[field];
  if (!Array.isArray(given)) throw new Error(`the hook returned nothing with "${field}"`);
  const { tensors, transfer } = packed(given);
  say({ what: 'done', result: { ...result, [field]: tensors } as InferRequest | InferResponse }, transfer);
}

try {
  const transform = await loadTransform(workerData as TransformChoice);
  const hooks = (['preprocess', 'postprocess'] as const).filter((hook) => transform[hook] !== undefined);
  parentPort?.on('message', (job: Job) => void work(transform, job));
  say({ what: 'loaded', shape: { inputs: transform.inputs, outputs: transform.outputs, hooks } });
} catch (error) {
  say({ what: 'unloadable', message: firstLine(error) });
}
