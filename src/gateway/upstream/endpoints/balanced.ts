/** A predictor that is many: one a call, and another one when the first never got it. */
import { type Address, formatAddress } from '../../../wire/address.ts';
import { Failure } from '../../failure.ts';
import {
  type Call,
  type InferRequest,
  type InferResponse,
  leftMs,
  type ModelMetadata,
  type Predictor,
  type ServerMetadata,
} from '../../protocol/infer.ts';
import { begin, wholeOf } from '../begun.ts';
import { sequenceOf } from '../sequence.ts';
import type { Endpoint, Endpoints } from './endpoints.ts';
import { unsent } from './failures.ts';

/** A call that knows where its request has been: a retry goes elsewhere. */
export interface TriedCall extends Call {
  readonly tried?: Set<string>;
}

export interface BalancedOptions {
  readonly endpoints: Endpoints;
  readonly address: Address;
  /** A request that an address never got went to another. */
  readonly failedOver: () => void;
}

/** So many are asked whether they are ready before the answer is no. */
const MAX_ASKED = 16;

export class BalancedPredictor implements Predictor {
  readonly name: string;
  readonly #endpoints: Endpoints;
  readonly #failedOver: () => void;

  constructor({ endpoints, address, failedOver }: BalancedOptions) {
    this.name = `the predictor ${formatAddress(address)}`;
    this.#endpoints = endpoints;
    this.#failedOver = failedOver;
  }

  infer(request: InferRequest, call: TriedCall): Promise<InferResponse> {
    return this.#ask(call, (predictor) => predictor.infer(request, call), sequenceOf(request));
  }

  async *stream(request: InferRequest, call: TriedCall): AsyncGenerator<readonly InferResponse[], void, undefined> {
    const open = ({ predictor }: Endpoint) => begin(predictor.stream(request, call));
    const { value, endpoint, startedAt } = await this.#reach(call, open, sequenceOf(request));
    try {
      yield* wholeOf(value);
    } catch (error) {
      this.#endpoints.tell(endpoint, startedAt, error);
      throw error;
    } finally {
      this.#endpoints.leave(endpoint);
    }
  }

  live(call: Call): Promise<boolean> {
    return this.#any(call, (predictor) => predictor.live(call));
  }

  ready(call: Call): Promise<boolean> {
    return this.#any(call, (predictor) => predictor.ready(call));
  }

  modelReady(model: string, version: string, call: Call): Promise<boolean> {
    return this.#any(call, (predictor) => predictor.modelReady(model, version, call));
  }

  metadata(call: Call): Promise<ServerMetadata> {
    return this.#ask(call, (predictor) => predictor.metadata(call));
  }

  modelMetadata(model: string, version: string, call: Call): Promise<ModelMetadata> {
    return this.#ask(call, (predictor) => predictor.modelMetadata(model, version, call));
  }

  close(): void {
    this.#endpoints.close();
  }

  async #ask<T>(call: TriedCall, work: (predictor: Predictor) => Promise<T>, affinity?: string): Promise<T> {
    const { value, endpoint } = await this.#reach(call, (chosen) => work(chosen.predictor), affinity);
    this.#endpoints.leave(endpoint);
    return value;
  }

  /** One that says yes is enough: the others get no requests, or answer them with what they lack. */
  async #any(call: Call, work: (predictor: Predictor) => Promise<boolean>): Promise<boolean> {
    const tried = new Set<string>();
    let failure: unknown;
    do {
      try {
        if (await this.#ask({ ...call, tried }, work)) return true;
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        failure = error;
      }
    } while (tried.size < MAX_ASKED && leftMs(call) > 0 && this.#endpoints.hasOther(tried));
    if (failure) throw failure;
    return false;
  }

  /** The first address that got the call; what comes of it is its own. Who gets an endpoint, leaves it. */
  async #reach<T>(call: TriedCall, work: (endpoint: Endpoint) => Promise<T>, affinity?: string) {
    const tried = call.tried ?? new Set<string>();
    while (true) {
      const endpoint = await this.#endpoints.next(call, { tried, affinity });
      tried.add(endpoint.address);
      const startedAt = performance.now();
      this.#endpoints.enter(endpoint);
      try {
        const value = await work(endpoint);
        this.#endpoints.tell(endpoint, startedAt);
        return { value, endpoint, startedAt };
      } catch (error) {
        this.#endpoints.leave(endpoint);
        this.#endpoints.tell(endpoint, startedAt, error);
        const again = unsent(error) && leftMs(call) > 0 && !call.signal.aborted;
        if (!again || !(await this.#endpoints.other(call, tried))) throw error;
        this.#failedOver();
      }
    }
  }
}
