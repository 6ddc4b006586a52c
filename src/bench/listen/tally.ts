/** What a stand-in has seen, and what it says of it. Pure but for its own counts. */
import { grouped } from '../table.ts';
import { TO_CHANGE, WAY_NAMES, type Way } from '../ways.ts';
import type { Seen } from './look.ts';

interface Kind extends Seen {
  count: number;
  leastBytes: number;
  mostBytes: number;
}

export class Tally {
  readonly #kinds = new Map<string, Kind>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @param bytes of the body or the messages · @returns a line about it, when it is the first of its kind */
  add(seen: Seen, bytes: number): string | undefined {
    this.#count += 1;
    const key = `${seen.call} ${seen.words}`;
    const known = this.#kinds.get(key);
    if (known) {
      known.count += 1;
      known.leastBytes = Math.min(known.leastBytes, bytes);
      known.mostBytes = Math.max(known.mostBytes, bytes);
      return undefined;
    }
    this.#kinds.set(key, { ...seen, count: 1, leastBytes: bytes, mostBytes: bytes });
    return `${nameOf(seen)}: ${seen.call}, ${seen.words}; ${grouped(bytes)} bytes`;
  }

  text(): string {
    const kinds = [...this.#kinds.values()].toSorted((a, b) => b.count - a.count);
    if (kinds.length === 0) return `No inference came, so nothing can be said.\n${HOW}\n`;
    const lines = kinds.map(
      (kind) => `${grouped(kind.count)} × ${nameOf(kind)}: ${kind.call}, ${kind.words}; ${bytesOf(kind)} a request`,
    );
    return `${[...lines, '', ...advice(kinds)].join('\n')}\n`;
  }
}

const HOW = 'Point the predictor address of the transformer (--predictor_host) to this port, and send it a request.';
const nameOf = ({ way }: Seen): string => (way === undefined ? 'cannot be told' : WAY_NAMES[way]);
const bytesOf = ({ leastBytes, mostBytes }: Kind): string =>
  leastBytes === mostBytes ? `${grouped(leastBytes)} bytes` : `${grouped(leastBytes)}-${grouped(mostBytes)} bytes`;

const DEAR: ReadonlySet<Way | undefined> = new Set<Way>(['json', 'typed']);

function advice(kinds: readonly Kind[]): readonly string[] {
  if (kinds.every(({ way }) => way === undefined)) return ['Which way that is cannot be told.'];
  if (!kinds.some(({ way }) => DEAR.has(way))) return ['Tensors go as bytes: leave it as it is.'];
  const typed = kinds.some(({ way }) => way === 'typed');
  const what = typed ? 'It speaks gRPC, but as typed lists: every' : 'Every';
  return [
    `${what} value is written and read by itself. Without --listen this command measures what that costs for your model.`,
    TO_CHANGE,
  ];
}
