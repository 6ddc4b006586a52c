/**
 * Threads that run one transform. Each does one job at a time; a job that is late ends its thread, and a new one takes its
 * place, so that a hook which never returns costs one request and a few milliseconds.
 */
import { Worker } from 'node:worker_threads';
import pRetry from 'p-retry';
import { MusterError } from '../../errors.ts';
import { bounded } from '../bounded.ts';
import { Failure } from '../failure.ts';
import { type Call, leftMs } from '../protocol/infer.ts';
import { type Job, type JobResults, packed, type Said } from './messages.ts';
import type { TransformChoice, TransformShape } from './transform.ts';

/** A module that takes longer to load than this will not load. Milliseconds. */
const LOAD_MS = 60_000;

/** In the bundle it lies beside the chunk that this is in. */
const ENTRY = import.meta.filename.endsWith('.ts') ? './worker.ts' : './transform-worker.js';

interface Thread {
  readonly worker: Worker;
  readonly shape: TransformShape;
}

interface Waiting {
  readonly start: (thread: Thread) => void;
  readonly fail: (failure: Failure) => void;
}

export interface PoolOptions {
  readonly name: string;
  readonly choice: TransformChoice;
  /** Threads, and so jobs at once. */
  readonly threads: number;
  /** One hook may take so long. */
  readonly deadlineMs: number;
}

export class TransformPool {
  readonly name: string;
  readonly shape: TransformShape;
  readonly #options: PoolOptions;
  readonly #idle: Thread[];
  readonly #waiting: Waiting[] = [];
  readonly #all = new Set<Worker>();
  readonly #closing = new AbortController();

  private constructor(options: PoolOptions, threads: readonly Thread[]) {
    this.name = options.name;
    this.shape = threads[0]!.shape;
    this.#options = options;
    this.#idle = [];
    for (const thread of threads) this.#takeIn(thread);
  }

  /** @throws MusterError TRANSFORM_INVALID when the module does not load, with its own words */
  static async open(options: PoolOptions): Promise<TransformPool> {
    const opening = Array.from({ length: options.threads }, () => startThread(options));
    const opened = await Promise.allSettled(opening);
    const bad = opened.find((each) => each.status === 'rejected');
    const good = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    if (!bad) return new TransformPool(options, good);
    await Promise.all(good.map(({ worker }) => worker.terminate()));
    throw bad.reason;
  }

  /** @throws Failure 504 when the hook is late, 500 or its own 4xx when it throws, 499 when the client is gone */
  async run<J extends Job>(job: J, call: Call): Promise<JobResults[J['hook']]> {
    const thread = await this.#take(call);
    // A client that goes, or has no more time, does not end the thread: a good one is worth more than the rest of its job.
    const ending = ask(thread.worker, job, this.#options.deadlineMs).then((said) => {
      if (said.what === 'done' || said.what === 'failed') this.#release(thread);
      else this.#replace(thread);
      return said;
    });
    const lateMs = leftMs(call);
    const said = await bounded(ending, call, { lateMs, late: () => this.#failure(job.hook, { what: 'late' }, lateMs) });
    if (said.what === 'done') return said.result as JobResults[J['hook']];
    throw this.#failure(job.hook, said, this.#options.deadlineMs);
  }

  close(): void {
    this.#closing.abort();
    for (const worker of this.#all) void worker.terminate();
    this.#all.clear();
    for (const { fail } of this.#waiting.splice(0)) fail(new Failure(503, 'the gateway closes'));
  }

  /** A thread that is free, first come, first served. */
  async #take(call: Call): Promise<Thread> {
    const idle = this.#idle.pop();
    if (idle) return idle;
    const { promise, resolve, reject } = Promise.withResolvers<Thread>();
    const waiting: Waiting = { start: resolve, fail: reject };
    this.#waiting.push(waiting);
    const late = () => new Failure(504, `no thread of transform "${this.name}" was free in time`);
    try {
      return await bounded(promise, call, { lateMs: leftMs(call), late });
    } catch (failure) {
      // One that was given in the same moment goes on to the next.
      promise.then((thread) => this.#release(thread)).catch(() => {});
      throw failure;
    } finally {
      const at = this.#waiting.indexOf(waiting);
      if (at >= 0) this.#waiting.splice(at, 1);
    }
  }

  #takeIn(thread: Thread): void {
    this.#all.add(thread.worker);
    // Also one that ends while it has nothing to do: by an error outside of its hooks, say.
    thread.worker.once('exit', () => this.#replace(thread));
    this.#release(thread);
  }

  #release(thread: Thread): void {
    if (!this.#all.has(thread.worker)) return; // it has ended
    const next = this.#waiting.shift();
    if (next) next.start(thread);
    else this.#idle.push(thread);
  }

  /** Once for each thread, whoever notices first that it is of no more use. */
  #replace(thread: Thread): void {
    if (!this.#all.delete(thread.worker)) return;
    const at = this.#idle.indexOf(thread);
    if (at >= 0) this.#idle.splice(at, 1);
    void thread.worker.terminate();
    this.#startAnother().catch(() => {}); // only when the pool is closed
  }

  /** It loaded before: where it does not now, those who wait are told why, and it is tried until it does. */
  async #startAnother(): Promise<void> {
    const thread = await pRetry(() => startThread(this.#options), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 100,
      maxTimeout: 5_000,
      signal: this.#closing.signal,
      onFailedAttempt: ({ error }) => {
        for (const { fail } of this.#waiting.splice(0)) fail(new Failure(500, error.message));
      },
    });
    if (this.#closing.signal.aborted) void thread.worker.terminate();
    else this.#takeIn(thread);
  }

  #failure(hook: string, said: Exclude<Ending, { what: 'done' }>, limitMs: number): Failure {
    const where = `transform "${this.name}", ${hook}`;
    switch (said.what) {
      case 'failed':
        return new Failure(said.status, said.status < 500 ? said.message : `${where}: ${said.message}`);
      case 'late':
        return new Failure(504, `${where} did not end within ${Math.round(limitMs)} ms`);
      case 'died':
        return new Failure(500, `${where}: its thread ended: ${said.message}`);
    }
  }
}

type Ending =
  | Extract<Said, { what: 'done' | 'failed' }>
  | { readonly what: 'late' }
  | { readonly what: 'died'; readonly message: string };

/** One job and how it ended; after `late` and `died` the thread is of no more use. */
async function ask(worker: Worker, job: Job, limitMs: number): Promise<Ending> {
  const { promise, resolve } = Promise.withResolvers<Ending>();
  const late = setTimeout(() => resolve({ what: 'late' }), limitMs);
  const said = (message: Said) => resolve(message as Ending);
  const died = (error: Error | number) =>
    resolve({ what: 'died', message: typeof error === 'number' ? `exit ${error}` : error.message });
  worker.on('message', said).on('error', died).on('exit', died);
  try {
    hand(worker, job);
    return await promise;
  } finally {
    clearTimeout(late);
    worker.off('message', said).off('error', died).off('exit', died);
  }
}

function hand(worker: Worker, job: Job): void {
  const inputs = packed(job.request.inputs);
  const request = { ...job.request, inputs: inputs.tensors };
  if (job.hook === 'preprocess') {
    worker.postMessage({ ...job, request }, inputs.transfer);
    return;
  }
  const outputs = packed(job.response.outputs);
  const response = { ...job.response, outputs: outputs.tensors };
  worker.postMessage({ ...job, request, response }, [...inputs.transfer, ...outputs.transfer]);
}

async function startThread({ name, choice }: PoolOptions): Promise<Thread> {
  // Its own words go to stderr as they are; stdin is nobody's.
  const worker = new Worker(new URL(ENTRY, import.meta.url), { workerData: choice, name: `transform ${name}` });
  const { promise, resolve, reject } = Promise.withResolvers<TransformShape>();
  const late = setTimeout(() => reject(new Error(`did not load within ${LOAD_MS / 1000} s`)), LOAD_MS);
  const said = (message: Said) => {
    if (message.what === 'loaded') resolve(message.shape);
    else if (message.what === 'unloadable') reject(new Error(message.message));
  };
  worker.on('message', said).on('error', reject);
  worker.once('exit', (status) => reject(new Error(`its thread ended with status ${status}`)));
  try {
    const shape = await promise;
    worker.off('error', reject);
    // An error between two jobs has no one to tell but the next job.
    worker.on('error', () => {});
    return { worker, shape };
  } catch (error) {
    void worker.terminate();
    throw new MusterError({
      code: 'TRANSFORM_INVALID',
      message: `transform "${name}" does not load: ${(error as Error).message}`,
      hint: 'docs/gateway.md shows a whole module; `node FILE` shows whether it loads at all.',
    });
  } finally {
    clearTimeout(late);
    worker.off('message', said);
  }
}
