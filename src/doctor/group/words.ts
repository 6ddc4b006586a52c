/**
 * The words of `doctor --group`. Members meet at the head by the rally itself, so who is missing, and at which layer, is said
 * in the same words as in a launch. Then each *listens* on its planned ports that are free, all *tell* all (through the
 * head's rally port, which everybody has reached), each *dials* everybody, and all tell all again.
 */

/** One member as the rally seated it. */
export interface Guest {
  readonly rank: number;
  readonly member: string;
  readonly address: string;
}

/** A port a member listens on for the others to try. */
export interface Open {
  /** `any`: one that the kernel chose, as NCCL, Gloo and Ray's workers do. */
  readonly use: string;
  readonly port: number;
  /** Why it does not listen there; undefined: it does. */
  readonly error?: string | undefined;
}

/** What a member says of itself. */
export interface Card {
  readonly rank: number;
  readonly ports: readonly Open[];
  /** What all members must agree on, as in a launch. */
  readonly terms: Readonly<Record<string, string>>;
  /** e.g. `{ ray: '2.58.0', torch: '2.8.0' }`. */
  readonly versions: Readonly<Record<string, string>>;
  readonly fingerprint?: string | undefined;
  readonly modelBytes?: number | undefined;
  readonly devices: number;
  readonly mtu?: number | undefined;
  /** Of its own examination. */
  readonly failing: number;
  /** Its wall clock when it said so, milliseconds since 1970. */
  readonly at: number;
}

/** How a try went. */
export type Outcome =
  | { readonly how: 'reached'; readonly ms: number }
  | { readonly how: 'refused' }
  | { readonly how: 'timeout'; readonly ms: number }
  /** Somebody else answers there, or nobody we know. */
  | { readonly how: 'wrong'; readonly who: string }
  | { readonly how: 'error'; readonly code: string }
  /** The other member could not listen there itself. */
  | { readonly how: 'untried'; readonly why: string };

export interface Try {
  readonly from: number;
  readonly to: number;
  readonly use: string;
  readonly port: number;
  readonly outcome: Outcome;
}

/** A group larger than this is examined in parts: the pairs grow with its square. */
export const MAX_MEMBERS = 128;

/** Milliseconds. */
export const TIME = {
  /** Until all have met, unless --rally-timeout is given. */
  meetMs: 60_000,
  /** From the meeting's end until the head answers at the same port again. */
  reopenMs: 10_000,
  /** From a round's first word until its last: a member that dials in vain needs ten seconds. */
  tellMs: 30_000,
  /** One TCP connect and the first line. */
  dialMs: 5_000,
} as const;
