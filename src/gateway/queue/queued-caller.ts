/** Who asked for a job: gone long ago, known by what was kept. Its answer is kept too. */
import type { Failure } from '../failure.ts';
import type { Call } from '../protocol/infer.ts';
import { errorReply, type Reply } from '../protocol/reply.ts';
import { type Caller, forwarded } from '../request.ts';
import type { JobRequest } from './job.ts';

export class QueuedCaller implements Caller {
  readonly headers: Readonly<Record<string, string>>;
  readonly address = '';
  readonly gone: AbortSignal;
  readonly startedAt = performance.now();
  readonly receivedBytes: number;
  #reply: Reply | undefined;

  /** @param gone aborted when nobody wants it done here any more */
  constructor({ headers, body }: JobRequest, gone: AbortSignal) {
    this.headers = headers;
    this.receivedBytes = body.length;
    this.gone = gone;
  }

  get reply(): Reply | undefined {
    return this.#reply;
  }

  get status(): number {
    return this.#reply?.status ?? 200;
  }

  get sentBytes(): number {
    return this.#reply?.parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0) ?? 0;
  }

  answer(reply: Reply): void {
    this.#reply = reply;
  }

  fail(failure: Failure): void {
    this.#reply = errorReply(failure);
  }

  /** A deadline that its client set was for waiting, and it does not wait. */
  call(timeoutMs: number, forward: readonly string[]): Call {
    const headers = forwarded(this.headers, forward);
    return { deadlineAt: this.startedAt + timeoutMs, signal: this.gone, headers };
  }
}
