/**
 * Who has which rank: found by rank, stream and name without looking at everybody, and counted as it changes.
 *
 * Never changes: `with` and `without` give new places that share what stayed. So a roll is still a value, and an event
 * costs the same in a group of five thousand as in one of five.
 */
import type { Hello, Phase } from './rally.ts';
import type { ConnId } from './roll.ts';
import { Trie } from './trie.ts';

/** What is kept of a member's hello once it was compared with the head's: terms and versions agree. */
export type Known = Pick<Hello, 'member' | 'incarnation' | 'address' | 'devices'>;

/** A rank and who has it. Rank 0 is the head itself and has no stream. */
export interface Place {
  readonly rank: number;
  readonly hello: Known;
  /** Undefined: the stream is closed; the place is kept for the same member. */
  readonly conn: ConnId | undefined;
  readonly phase: Phase;
  readonly phaseSince: number;
  readonly heardAt: number;
  /** When the stream closed. */
  readonly lostAt: number | undefined;
}

/** Whether the place is filled by somebody who is there (the head always is). */
export const isPresent = ({ rank, conn }: Place): boolean => rank === 0 || conn !== undefined;

/** Ranks are dense: an array of arrays of this many, so that a change copies one of them and the outer. */
const CHUNK = 64;
type Chunk = readonly (Place | undefined)[];

interface Parts {
  readonly chunks: readonly Chunk[];
  readonly byConn: Trie<ConnId, number>;
  readonly byName: Trie<string, number>;
  readonly size: number;
  readonly present: number;
  /** Workers in each phase. */
  readonly phases: Readonly<Partial<Record<Phase, number>>>;
  /** No rank below is free. */
  readonly freeFrom: number;
}

const NONE: Parts = {
  chunks: [],
  byConn: new Trie(),
  byName: new Trie(),
  size: 0,
  present: 0,
  phases: {},
  freeFrom: 0,
};

export class Places {
  readonly #parts: Parts;

  constructor(parts: Parts = NONE) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#parts.size;
  }

  /** How many are there, the head among them. */
  get present(): number {
    return this.#parts.present;
  }

  get(rank: number): Place | undefined {
    return this.#parts.chunks[Math.floor(rank / CHUNK)]?.[rank % CHUNK];
  }

  of(conn: ConnId): Place | undefined {
    return this.#at(this.#parts.byConn.get(conn));
  }

  named(member: string): Place | undefined {
    return this.#at(this.#parts.byName.get(member));
  }

  /** In the order of ranks. */
  *values(): Generator<Place, void> {
    for (const chunk of this.#parts.chunks) for (const place of chunk) if (place) yield place;
  }

  /** Workers in one of these phases. */
  countIn(phases: readonly Phase[]): number {
    return phases.reduce((sum, phase) => sum + (this.#parts.phases[phase] ?? 0), 0);
  }

  /** The lowest rank nobody has; it may be beyond the group. */
  get lowestFree(): number {
    let rank = this.#parts.freeFrom;
    while (this.get(rank)) rank += 1;
    return rank;
  }

  /** Puts `place` at its rank, instead of whoever had it. */
  with(place: Place): Places {
    const before = this.get(place.rank);
    if (before?.conn === place.conn && before?.phase === place.phase && before.hello === place.hello)
      return new Places({ ...this.#parts, chunks: this.#set(place.rank, place) });
    return this.without(place.rank).#added(place);
  }

  without(rank: number): Places {
    const place = this.get(rank);
    if (!place) return this;
    const { byConn, byName, size, present, phases, freeFrom } = this.#parts;
    return new Places({
      chunks: this.#set(rank, undefined),
      byConn: place.conn === undefined ? byConn : byConn.without(place.conn),
      byName: byName.without(place.hello.member),
      size: size - 1,
      present: present - Number(isPresent(place)),
      phases: counted(phases, place, -1),
      freeFrom: Math.min(freeFrom, rank),
    });
  }

  #added(place: Place): Places {
    const { byConn, byName, size, present, phases, freeFrom } = this.#parts;
    return new Places({
      chunks: this.#set(place.rank, place),
      byConn: place.conn === undefined ? byConn : byConn.with(place.conn, place.rank),
      byName: byName.with(place.hello.member, place.rank),
      size: size + 1,
      present: present + Number(isPresent(place)),
      phases: counted(phases, place, 1),
      freeFrom: freeFrom === place.rank ? freeFrom + 1 : freeFrom,
    });
  }

  #at(rank: number | undefined): Place | undefined {
    return rank === undefined ? undefined : this.get(rank);
  }

  #set(rank: number, place: Place | undefined): Chunk[] {
    const chunks = [...this.#parts.chunks];
    const at = Math.floor(rank / CHUNK);
    while (chunks.length <= at) chunks.push([]);
    const chunk = [...(chunks[at] ?? [])];
    chunk[rank % CHUNK] = place;
    chunks[at] = chunk;
    return chunks;
  }
}

const counted = (phases: Parts['phases'], { rank, phase }: Place, by: 1 | -1): Parts['phases'] =>
  rank === 0 ? phases : { ...phases, [phase]: (phases[phase] ?? 0) + by };
