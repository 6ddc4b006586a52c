/** How much anybody may ask of the rally. Lengths are characters unless the name says bytes. */
export const LIMIT = {
  /** Of one message of a member: a Hello is about 1 KB. */
  memberMessageBytes: 64 * 1024,
  /** Of one message of the head: a StartOrder carries everybody's address and the server's arguments. */
  headMessageBytes: 4 * 1024 * 1024,
  /** Of all metadata of one call; grpc-js itself takes 70 KB and more. */
  metadataBytes: 8 * 1024,
  /** A member's name, its address, a version. A DNS name has at most 253. */
  name: 253,
  /** The name of a term or a program. */
  key: 128,
  /** The value of a term: a whole --speculative-config fits. */
  value: 4096,
  /** Terms, and versions, of one member. */
  entries: 256,
  /** A message or hint of a peer, and each of the two values in a refusal. */
  sentence: 8000,
  /** A refusal in a line that is repeated every few seconds; it was logged in full once. */
  repeated: 400,
  shownValue: 200,
  /** Refused visitors the head remembers, and missing ranks a beat lists. */
  visitors: 16,
  missingRanks: 64,
  worldSize: 100_000,
  streamsPerConnection: 8,
  /** Connections that wait to be accepted: with Node's 511 the rest of a thousand that come at once tries again after 1 s. */
  backlog: 4096,
} as const;

/** Milliseconds. */
export const TIME = {
  /** From a stream's first byte to its Hello; from a member's dial to its Welcome. */
  handshakeMs: 5_000,
  /** A connection that sends nothing is closed after this (slow loris, port scanners). */
  firstBytesMs: 3_000,
  /** A connection without a stream. There is no maximum age: a member's connection lives as long as its group. */
  idleMs: 5_000,
  /** Beats watch the members; pings only find dead health watchers. Below 30 s a strict peer hangs up. */
  keepaliveMs: 60_000,
  /** How long `stop` and `leave` wait for the last word to be taken. */
  farewellMs: 1_000,
  /** One TCP connect, when there are several addresses to try. */
  connectMs: 2_000,
  /** The whole of one attempt to join, all addresses together. */
  attemptMs: 5_000,
  /** Looking at what else answers at the head's port. */
  peekMs: 1_000,
  /** Longest pause between two attempts to reach the head. */
  retryMs: 1_000,
} as const;

export const PROTOCOL = 1;

/** `value` with at most `length` characters, and a sign that there was more. */
export const clip = (value: string, length: number): string =>
  value.length <= length ? value : `${value.slice(0, length - 1)}…`;
