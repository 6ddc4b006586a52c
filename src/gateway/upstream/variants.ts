/** Who answers a request, where there is more than one choice; and how each of them does. */
import { createHash } from 'node:crypto';
import { Failure } from '../failure.ts';
import type { Call, InferRequest, InferResponse, Predictor } from '../protocol/infer.ts';
import { DelegatingPredictor } from './delegating.ts';
import { sequenceOf } from './sequence.ts';

export type Variant = 'predictor' | 'canary' | 'shadow';

/** A client's wish: `canary` or `predictor`. */
export const VARIANT_HEADER = 'x-muster-variant';
const ID_HEADER = 'x-request-id';

export interface Part {
  readonly percent: number;
  /** The choices of one name go together, those of another do not. */
  readonly of: Variant;
  /** 0-1 at random. */
  readonly dice: number;
}

/**
 * Is the request one of these percent? The same one always is or never, told by its sequence, else by its x-request-id;
 * without either it is as the dice say.
 */
export function isAmong(
  { percent, of, dice }: Part,
  request: InferRequest,
  { headers }: Pick<Call, 'headers'>,
): boolean {
  const key = sequenceOf(request) ?? headers[ID_HEADER];
  return (key === undefined ? dice : partOf(`${of} ${key}`)) * 100 < percent;
}

/** 0-1, spread evenly. */
const partOf = (key: string): number => createHash('sha256').update(key).digest().readUInt32BE(0) / 2 ** 32;

/** @param code the HTTP status that it came to; @param tookMs a stream's is to its end */
export type VariantMeter = (variant: Variant, code: number, tookMs: number) => void;

/** A predictor whose requests are counted and timed under its name. */
export class MeteredPredictor extends DelegatingPredictor {
  readonly #inner: Predictor;
  readonly #variant: Variant;
  readonly #meter: VariantMeter;

  constructor(inner: Predictor, variant: Variant, meter: VariantMeter) {
    super(inner);
    this.#inner = inner;
    this.#variant = variant;
    this.#meter = meter;
  }

  override async infer(request: InferRequest, call: Call): Promise<InferResponse> {
    const from = performance.now();
    try {
      const response = await this.#inner.infer(request, call);
      this.#meter(this.#variant, 200, performance.now() - from);
      return response;
    } catch (error) {
      this.#meter(this.#variant, codeOf(error), performance.now() - from);
      throw error;
    }
  }

  override async *stream(request: InferRequest, call: Call): AsyncGenerator<readonly InferResponse[]> {
    const from = performance.now();
    let code = 499; // unless it is read to its end
    try {
      yield* this.#inner.stream(request, call);
      code = 200;
    } catch (error) {
      code = codeOf(error);
      throw error;
    } finally {
      this.#meter(this.#variant, code, performance.now() - from);
    }
  }
}

const codeOf = (error: unknown): number => (error instanceof Failure ? error.status : 500);
