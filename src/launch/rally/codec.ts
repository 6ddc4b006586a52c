/**
 * Protocol Buffers, as much as the rally speaks: a message is a table of fields, its type is inferred from the table.
 *
 * By hand because loading a library costs a third of a launch (docs/decisions/0002-rally-on-the-wire.md); the unit
 * tests compare every message with `@grpc/proto-loader` on `proto/*.proto`, both ways. Unknown fields are skipped.
 * The input may come from anybody who reaches the port: every length is checked against what is there.
 */
import { Reader, WIRE, Writer } from './protobuf.ts';

export interface Field<T> {
  readonly no: number;
  initial(): T;
  write(to: Writer, value: T): void;
  /** @param before the value so far: repeated fields add to it, all others replace it */
  read(from: Reader, wire: number, before: T): T;
}

export interface Message<T> {
  encode(value: T): Buffer;
  /** @throws MalformedMessage */
  decode(bytes: Uint8Array): T;
}

export type TypeOf<M> = M extends Message<infer T> ? T : never;
type ValueOf<F> = F extends Field<infer T> ? T : never;
type Fields = Readonly<Record<string, Field<unknown>>>;

export function message<F extends Fields>(fields: F): Message<{ readonly [K in keyof F]: ValueOf<F[K]> }> {
  const entries = Object.entries(fields);
  const byNumber = new Map(entries.map(([name, field]) => [field.no, { name, field }]));
  return {
    encode(value) {
      const to = new Writer();
      for (const [name, field] of entries) field.write(to, value[name]);
      return to.finish();
    },
    decode(bytes) {
      const from = new Reader(bytes);
      const value: Record<string, unknown> = Object.fromEntries(
        entries.map(([name, field]) => [name, field.initial()]),
      );
      while (!from.done) {
        const { no, wire } = from.tag();
        const known = byNumber.get(no);
        if (known) value[known.name] = known.field.read(from, wire, value[known.name]);
        else from.skip(wire);
      }
      return value as { readonly [K in keyof F]: ValueOf<F[K]> };
    },
  };
}

/** Encodes a value once, however many members it is sent to. The value must not change afterwards. */
export function remembered<T extends object>({ encode, decode }: Message<T>): Message<T> {
  const known = new WeakMap<T, Buffer>();
  const encodeOnce = (value: T): Buffer => {
    const before = known.get(value);
    if (before) return before;
    const bytes = encode(value);
    known.set(value, bytes);
    return bytes;
  };
  return { encode: encodeOnce, decode };
}

type Cases = Readonly<Record<string, readonly [no: number, of: Message<unknown>]>>;
type Union<C extends Cases> = { [K in keyof C]: { readonly kind: K; readonly value: TypeOf<C[K][1]> } }[keyof C];

/** A message that is one `oneof` and nothing else. A kind we do not know (a newer peer's) decodes as undefined. */
export function union<C extends Cases>(cases: C): Message<Union<C> | undefined> {
  const byNumber = new Map(Object.entries(cases).map(([kind, [no, of]]) => [no, { kind, of }]));
  return {
    encode(value) {
      const chosen = value && cases[value.kind];
      return chosen ? new Writer().bytes(chosen[0], chosen[1].encode(value.value)).finish() : Buffer.alloc(0);
    },
    decode(bytes) {
      const from = new Reader(bytes);
      let value: { kind: string; value: unknown } | undefined;
      while (!from.done) {
        const { no, wire } = from.tag();
        const known = byNumber.get(no);
        if (known) value = { kind: known.kind, value: known.of.decode(from.bytes(wire)) };
        else from.skip(wire);
      }
      return value as Union<C> | undefined;
    },
  };
}

/** Proto3's plain field: the default is not on the wire. */
export const text = (no: number): Field<string> => ({
  no,
  initial: () => '',
  write: (to, value) => void (value !== '' && to.bytes(no, Buffer.from(value))),
  read: (from, wire) => from.text(wire),
});

export const bytes = (no: number): Field<Uint8Array> => ({
  no,
  initial: () => Buffer.alloc(0),
  write: (to, value) => void (value.length > 0 && to.bytes(no, value)),
  read: (from, wire) => from.bytes(wire),
});

/** uint32, or uint64 up to 2^53. */
export const uint = (no: number): Field<number> => ({
  no,
  initial: () => 0,
  write: (to, value) => void (value !== 0 && to.uint(no, value)),
  read: (from, wire) => from.uint(wire),
});

export const flag = (no: number): Field<boolean> => ({
  no,
  initial: () => false,
  write: (to, value) => void (value && to.uint(no, 1)),
  read: (from, wire) => from.uint(wire) !== 0,
});

/** An enum whose number is the index in `names`; 0 and numbers we do not know are undefined. */
export const choice = <N extends string>(no: number, names: readonly (N | undefined)[]): Field<N | undefined> => ({
  no,
  initial: () => undefined,
  write: (to, value) => void (value !== undefined && to.uint(no, names.indexOf(value))),
  read: (from, wire) => names[from.uint(wire)],
});

export const optionalText = (no: number): Field<string | undefined> => ({
  no,
  initial: () => undefined,
  write: (to, value) => void (value !== undefined && to.bytes(no, Buffer.from(value))),
  read: (from, wire) => from.text(wire),
});

export const optionalUint = (no: number): Field<number | undefined> => ({
  no,
  initial: () => undefined,
  write: (to, value) => void (value !== undefined && to.uint(no, value)),
  read: (from, wire) => from.uint(wire),
});

export const one = <T>(no: number, of: Message<T>): Field<T | undefined> => ({
  no,
  initial: () => undefined,
  write: (to, value) => void (value !== undefined && to.bytes(no, of.encode(value))),
  read: (from, wire) => of.decode(from.bytes(wire)),
});

export const list = <T>(no: number, of: Message<T>): Field<readonly T[]> => ({
  no,
  initial: () => [],
  write: (to, value) => {
    for (const each of value) to.bytes(no, of.encode(each));
  },
  read: (from, wire, before) => append(before, of.decode(from.bytes(wire))),
});

export const texts = (no: number): Field<readonly string[]> => ({
  no,
  initial: () => [],
  write: (to, value) => {
    for (const each of value) to.bytes(no, Buffer.from(each));
  },
  read: (from, wire, before) => append(before, from.text(wire)),
});

/** Packed, as proto3 writes it; both forms are read. */
export const uints = (no: number): Field<readonly number[]> => ({
  no,
  initial: () => [],
  write: (to, value) => void (value.length > 0 && to.packed(no, value)),
  read: (from, wire, before) => {
    if (wire !== WIRE.bytes) return append(before, from.uint(wire));
    const inner = new Reader(from.bytes(wire));
    let all = before;
    while (!inner.done) all = append(all, inner.uint(WIRE.varint));
    return all;
  },
});

const entry = message({ key: text(1), value: text(2) });

export const textMap = (no: number): Field<Readonly<Record<string, string>>> => ({
  no,
  // No prototype: a peer's "__proto__" is a name like any other.
  initial: () => Object.create(null),
  write: (to, value) => {
    for (const [key, each] of Object.entries(value)) to.bytes(no, entry.encode({ key, value: each }));
  },
  read: (from, wire, before) => {
    const { key, value } = entry.decode(from.bytes(wire));
    return Object.assign(before, { [key]: value });
  },
});

/** Adds in place: `before` is the array of the decode under way, nobody else has seen it. */
function append<T>(before: readonly T[], each: T): readonly T[] {
  (before as T[]).push(each);
  return before;
}
