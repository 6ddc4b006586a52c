/** One thread with one transform in it: started, given a job, told when it is late. */
import { Worker } from 'node:worker_threads';
import { MusterError } from '../../errors.ts';
import { answerAsk, type Desk } from './desk.ts';
import { type Answered, type Ask, type Job, packed, type Said } from './messages.ts';
import { OwnTime } from './own-time.ts';
import type { TransformChoice, TransformShape } from './transform.ts';

/** A module that takes longer to load than this will not load. Milliseconds. */
const LOAD_MS = 60_000;

/** In the bundle it lies beside the chunk that this is in. */
const ENTRY = import.meta.filename.endsWith('.ts') ? './worker.ts' : './transform-worker.js';

export interface Thread {
  readonly worker: Worker;
  readonly shape: TransformShape;
}

export interface ThreadOptions {
  readonly name: string;
  readonly choice: TransformChoice;
  /** MiB of JavaScript objects, garbage that waits for collection included; what wants more is ended. */
  readonly memoryMb: number;
}

/** How a job ended; after `late` and `died` the thread is of no more use. */
export type Ending =
  | Extract<Said, { what: 'done' | 'failed' }>
  | { readonly what: 'late' }
  | { readonly what: 'died'; readonly message: string };

const HINTS: Readonly<Record<TransformChoice['kind'], string>> = {
  module: 'docs/gateway-transforms.md shows a whole module; `node FILE` shows whether it loads at all.',
  tokenize: 'Name the directory that holds tokenizer.json with --tokenizer, and see that it is mounted.',
  image: 'Install sharp where muster is: docs/gateway-transforms.md.',
  classify: 'Name a file with one label a line with --labels, and see that it is mounted.',
};

/** @throws MusterError TRANSFORM_INVALID when the module does not load, with its own words */
export async function startThread({ name, choice, memoryMb }: ThreadOptions): Promise<Thread> {
  // Its own words go to stderr as they are; stdin is nobody's.
  const worker = new Worker(new URL(ENTRY, import.meta.url), {
    workerData: choice,
    name: `transform ${name}`,
    resourceLimits: { maxOldGenerationSizeMb: roomFor(memoryMb) },
  });
  const { promise, resolve, reject } = Promise.withResolvers<TransformShape>();
  const late = setTimeout(() => reject(new Error(`did not load within ${LOAD_MS / 1000} s`)), LOAD_MS);
  const said = (message: Said) => {
    if (message.what === 'loaded') resolve(message.shape);
    else if (message.what === 'unloadable') reject(new Error(message.message));
  };
  const failed = (error: Error) => reject(new Error(wordsOf(error, memoryMb)));
  worker.on('message', said).on('error', failed);
  worker.once('exit', (status) => reject(new Error(`its thread ended with status ${status}`)));
  try {
    const shape = await promise;
    worker.off('error', failed);
    // An error between two jobs has no one to tell but the next job.
    worker.on('error', () => {});
    return { worker, shape };
  } catch (error) {
    void worker.terminate();
    throw new MusterError({
      code: 'TRANSFORM_INVALID',
      message: `transform "${name}" does not load: ${(error as Error).message}`,
      hint: HINTS[choice.kind],
    });
  } finally {
    clearTimeout(late);
    worker.off('message', said);
  }
}

/**
 * V8 ends a thread that is at its limit, but the whole process when one list asks for more than 16 MiB beyond it. So that
 * limit lies further than a list at `memoryMb` can grow, and ours is watched.
 */
const roomFor = (memoryMb: number): number => 3 * memoryMb + 2_048;

/** How often a thread at work is looked at; a hook that is done before is not. Milliseconds. */
const WATCH_MS = 50;

/** Calls `over` when the thread has more than it may. @returns how to look no more */
function watchMemory(worker: Worker, memoryMb: number, over: () => void): () => void {
  let looking = false;
  const look = async () => {
    if (looking) return;
    looking = true;
    const { used_heap_size: used } = await worker.getHeapStatistics();
    looking = false;
    if (used > memoryMb * 2 ** 20) over();
  };
  const timer = setInterval(() => void look().catch(() => {}), WATCH_MS); // one that has ended is not looked at again
  return () => clearInterval(timer);
}

const tooLarge = (memoryMb: number): string => `it wanted more than ${memoryMb} MiB of memory (--transform_memory_mb)`;

const wordsOf = (error: Error, memoryMb: number): string =>
  (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooLarge(memoryMb) : error.message;

export interface JobLimits {
  /** Of the hook's own time: milliseconds in which it does not wait for the predictor. */
  readonly limitMs: number;
  readonly memoryMb: number;
}

/** Never rejects, but for a job that cannot be put into a message. */
export async function runJob(worker: Worker, job: Job, desk: Desk, limits: JobLimits): Promise<Ending> {
  const { promise, resolve } = Promise.withResolvers<Ending>();
  const { memoryMb } = limits;
  const full = () => resolve({ what: 'died', message: tooLarge(memoryMb) });
  const unwatch = watchMemory(worker, memoryMb, full);
  const time = new OwnTime(limits.limitMs, () => resolve({ what: 'late' }));
  const answer = async (number: number, ask: Ask) => {
    const answered = answerAsk(desk, number, ask);
    giveBack(worker, await (ask.want === 'infer' ? time.waiting(answered) : answered));
  };
  const said = (message: Said) => {
    if (message.what === 'asks') void answer(message.number, message.ask);
    else resolve(message as Ending);
  };
  const failed = (error: Error) => resolve({ what: 'died', message: wordsOf(error, memoryMb) });
  const ended = (status: number) => resolve({ what: 'died', message: `exit ${status}` });
  worker.on('message', said).on('error', failed).on('exit', ended);
  try {
    hand(worker, job);
    return await promise;
  } finally {
    unwatch();
    time.end();
    desk.lookups?.close();
    desk.inquiries?.close();
    worker.off('message', said).off('error', failed).off('exit', ended);
  }
}

function hand(worker: Worker, job: Job): void {
  const inputs = packed(job.request.inputs);
  const request = { ...job.request, inputs: inputs.tensors };
  if (job.hook !== 'postprocess') {
    worker.postMessage({ ...job, request }, inputs.transfer);
    return;
  }
  const outputs = packed(job.response.outputs);
  const response = { ...job.response, outputs: outputs.tensors };
  worker.postMessage({ ...job, request, response }, [...inputs.transfer, ...outputs.transfer]);
}

/** A thread that has ended hears nothing. */
function giveBack(worker: Worker, answered: Answered): void {
  const { value } = answered;
  if (value === undefined || value instanceof Uint8Array) {
    // Alone: a view would drag all of its buffer along.
    worker.postMessage(value ? { ...answered, value: Uint8Array.from(value) } : answered);
    return;
  }
  const outputs = packed(value.outputs);
  worker.postMessage({ ...answered, value: { ...value, outputs: outputs.tensors } }, outputs.transfer);
}
