/** One job, from its claim to its end: done like any request, kept, told. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayContext } from '../context.ts';
import { Failure } from '../failure.ts';
import { WORK } from '../http/work.ts';
import { OPEN } from '../ops/admission.ts';
import { errorReply, type Reply } from '../protocol/reply.ts';
import { serve } from '../request.ts';
import type { JobBook } from './book.ts';
import { type CallbackOptions, deliver } from './callback.ts';
import type { BegunJob, Claim, JobClaims } from './claims.ts';
import { type KeptReply, keepReply, pauseMs, worthAnotherTry } from './job.ts';
import type { JobOutcome } from './metrics.ts';
import { QueuedCaller } from './queued-caller.ts';

/** Why a job ends here without its answer: it was cancelled, another gateway has it, or this one ends. */
export type Why = 'cancelled' | 'lost' | 'closing';

/** One job in this gateway's hands. */
export interface Running {
  readonly claim: Claim;
  /** Aborted with a `Why`. */
  readonly stop: AbortController;
  /** `telling`: it is done, and only its callback is left. */
  phase: 'waiting' | 'running' | 'telling';
}

export interface JobParts {
  readonly context: GatewayContext;
  readonly book: JobBook;
  readonly claims: JobClaims;
  readonly maxBytes: number;
  readonly leaseMs: number;
  readonly maxAttempts: number;
  /** Undefined: there are none. */
  readonly callbacks: CallbackOptions | undefined;
  /** Aborted when this gateway ends. */
  readonly closing: AbortSignal;
  /** The job's place is free for another one. */
  readonly telling: () => void;
}

const AGAIN_MS = 500;

/** @throws Failure when Redis is away before the job has begun: then it is somebody's later */
export async function doJob(parts: JobParts, running: Running): Promise<void> {
  const { book, claims, context } = parts;
  const { claim, stop } = running;
  const leave = await context.admission.enterLast(stop.signal);
  let reply: Reply | undefined;
  let job: BegunJob;
  try {
    const begun = await claims.begin(claim);
    if (begun.what === 'gone') return;
    running.phase = 'running';
    ({ job } = begun);
    if (begun.what === 'run') reply = await perform(parts, job, stop.signal);
    else if (begun.what === 'spent') reply = spent(job.attempts);
  } finally {
    leave();
  }
  if (stop.signal.aborted) return abandon(parts, running);
  if (reply && worthAnotherTry(reply.status) && job.attempts < parts.maxAttempts) {
    count(parts, 'again');
    return claims.giveBack(claim, pauseMs(job.attempts, parts.leaseMs), true);
  }
  const told = reply ? await keep(parts, running, job, reply) : await book.result(claim.id);
  running.phase = 'telling';
  parts.telling();
  if (told && job.callback !== undefined) await tell(parts, claim, job.callback, told);
}

const count = ({ context }: JobParts, outcome: JobOutcome): void => context.metrics.queue.job(outcome);

async function abandon(parts: JobParts, { claim, stop }: Running): Promise<void> {
  const why = stop.signal.reason as Why;
  count(parts, why === 'closing' ? 'given_back' : why);
  if (why === 'closing') await parts.claims.giveBack(claim, 0, false);
}

/** The request as if it came now, in its place of last resort. */
async function perform({ context }: JobParts, job: BegunJob, gone: AbortSignal): Promise<Reply | undefined> {
  const { api, asked, body } = job;
  const caller = new QueuedCaller(job, gone);
  context.metrics.queue.waited(job.begun - job.submitted);
  await serve({ ...context, admission: OPEN }, caller, { api, asked }, async (call) => {
    caller.answer(await WORK[api]({ context, exchange: caller, asked, call, body }));
  });
  context.metrics.queue.ran(performance.now() - caller.startedAt);
  return caller.reply;
}

const spent = (attempts: number): Reply =>
  errorReply(
    new Failure(
      503,
      `given up: the job was begun ${attempts} times, and each time its gateway ended (--queue_attempts)`,
    ),
  );

/** In Redis when it resolves, however long Redis is away. @returns undefined when it was not ours any more */
async function keep(parts: JobParts, { claim }: Running, job: BegunJob, reply: Reply): Promise<KeptReply | undefined> {
  const kept = bounded(keepReply(reply), parts.maxBytes);
  const status = (JSON.parse(kept.head) as Reply).status < 400 ? 'done' : 'failed';
  for (;;) {
    try {
      const ours = await parts.claims.finish(claim, job, { status, reply: kept });
      count(parts, ours ? status : 'lost');
      return ours ? kept : undefined;
    } catch (error) {
      if (!(error instanceof Failure) || parts.closing.aborted) throw error;
      await sleep(AGAIN_MS, undefined, { signal: parts.closing }).catch(() => {});
    }
  }
}

function bounded(reply: KeptReply, maxBytes: number): KeptReply {
  if (reply.body.length <= maxBytes) return reply;
  const words = `the answer has ${reply.body.length} bytes, and the queue keeps ${maxBytes} (--queue_max_bytes)`;
  return keepReply(errorReply(new Failure(507, words)));
}

/** A gateway that ends meanwhile leaves it to another one: a callback may come twice. */
async function tell(parts: JobParts, claim: Claim, url: string, reply: KeptReply): Promise<void> {
  const { callbacks, claims, closing, context } = parts;
  const status = (JSON.parse(reply.head) as Reply).status < 400 ? 'done' : 'failed';
  const delivery = callbacks
    ? await deliver(new URL(url), { id: claim.id, status, reply }, callbacks, closing)
    : { outcome: 'refused' as const, attempts: 0 };
  if (!delivery) return claims.giveBack(claim, 0, false);
  context.metrics.queue.callback(delivery.outcome);
  await claims.settle(claim, delivery.outcome, delivery.attempts);
}
