/** What a hook may ask of the gateway while it works: the predictor behind it, and what was looked up before. */
import type { LookupDesk } from '../cache/lookups.ts';
import { Failure } from '../failure.ts';
import type { Call, InferRequest, InferResponse } from '../protocol/infer.ts';
import type { Answered, Ask } from './messages.ts';

export interface InferLimits {
  /** Calls of one explanation. */
  readonly maxCalls: number;
  /** Of them at once; more wait. */
  readonly maxRunning: number;
}

type Infer = (request: InferRequest, call: Call) => Promise<InferResponse>;

/** The predictor behind a transform, for one request: with its deadline, its headers, and its end. */
export class Inquiries {
  readonly #infer: Infer;
  readonly #call: Call;
  readonly #limits: InferLimits;
  readonly #over = new AbortController();
  readonly #waiting: (() => void)[] = [];
  #asked = 0;
  #running = 0;

  constructor(infer: Infer, call: Call, limits: InferLimits) {
    this.#infer = infer;
    this.#limits = limits;
    this.#call = { ...call, signal: AbortSignal.any([call.signal, this.#over.signal]) };
  }

  /** @throws Failure of the predictor, or 500 when it is asked too often */
  async infer(request: InferRequest): Promise<InferResponse> {
    const { maxCalls, maxRunning } = this.#limits;
    this.#asked += 1;
    if (this.#asked > maxCalls)
      throw new Failure(500, `one explanation may ask the predictor ${maxCalls} times (--explain_max_calls)`);
    if (!Array.isArray(request.inputs)) throw new Failure(500, 'infer was given nothing with "inputs"');
    if (this.#running >= maxRunning) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      if (this.#call.signal.aborted) throw new Failure(499, 'the explanation is no longer wanted');
      return await this.#infer(request, this.#call);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }

  /** The hook has ended: what it left at the predictor is cancelled. */
  close(): void {
    this.#over.abort();
  }
}

export interface Desk {
  readonly lookups: LookupDesk | undefined;
  readonly inquiries: Inquiries | undefined;
}

/** Never rejects. */
export async function answerAsk({ lookups, inquiries }: Desk, number: number, ask: Ask): Promise<Answered> {
  try {
    if (ask.want === 'infer') {
      if (!inquiries) throw new Failure(500, 'infer is for explain');
      return { answers: number, value: await inquiries.infer(ask.request) };
    }
    if (ask.want === 'cached') return { answers: number, value: await lookups?.get(ask.key) };
    await lookups?.made(ask.key, ask.bytes, ask.ttlMs);
    return { answers: number };
  } catch (error) {
    const status = error instanceof Failure ? error.status : 500;
    return { answers: number, failed: { status, message: (error as Error).message } };
  }
}
