/** What is said between a bench and the thread that measures one way. All of it is cloned on its way. */
import type { InferRequest } from '../gateway/protocol/infer.ts';
import type { Address } from '../wire/address.ts';
import type { Limit, TlsFiles } from './settings.ts';
import type { Measured } from './ways.ts';

/** Whom to ask, what and how: a thread is told once. */
export interface Target {
  readonly way: Measured;
  readonly address: Address;
  /** Before `/v2/…`; only in HTTP. */
  readonly path: string;
  readonly tls: TlsFiles | undefined;
  readonly request: InferRequest;
  /** Milliseconds for one request. */
  readonly timeoutMs: number;
}

export type Job =
  | { readonly do: 'try' }
  | { readonly do: 'measure'; readonly limit: Limit; readonly concurrency: number };

/** Bytes of one request and of its answer: of the messages in gRPC, of the bodies in HTTP. */
export interface Sizes {
  readonly sent: number;
  readonly got: number;
}

/** What did not work: the kind is counted, the words are shown once. */
export interface Complaint {
  /** e.g. `HTTP 503`, `gRPC 8`, `tcp refused` */
  readonly kind: string;
  readonly words: string;
}

export type Tried = Sizes | Complaint;

/** One round of one way. */
export interface Round {
  /** Milliseconds each, of those that were answered. */
  readonly latencies: Float64Array;
  /** Milliseconds from the first request to the last answer. */
  readonly tookMs: number;
  /** Milliseconds of CPU, user and system, that this process used meanwhile. */
  readonly cpuMs: number;
  readonly errors: readonly { readonly kind: string; readonly count: number; readonly words: string }[];
}
