/** Our own codec against the official one: every message of `proto/`, random values, both ways. */
import { fileURLToPath } from 'node:url';
import { loadSync } from '@grpc/proto-loader';
import { describe, expect, test } from 'vitest';
import type { Message } from '../../../src/launch/rally/codec.ts';
import { MalformedMessage } from '../../../src/launch/rally/protobuf.ts';
import * as schema from '../../../src/launch/rally/schema.ts';
import fc from '../../property.ts';

interface Field {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly typeName: string;
}
interface Official {
  readonly type: {
    readonly name: string;
    readonly field: readonly Field[];
    readonly nestedType: readonly { readonly name: string }[];
    readonly oneofDecl: readonly { readonly name: string }[];
  };
  readonly serialize: (value: unknown) => Buffer;
  readonly deserialize: (bytes: Buffer) => unknown;
}

const includeDirs = [fileURLToPath(new URL('../../../proto/', import.meta.url))];
const options = { includeDirs, longs: Number, enums: String, defaults: true, oneofs: true };
const loaded = Object.values(loadSync(['rally.proto', 'health.proto'], options)) as unknown as Official[];
const official = new Map(loaded.filter((each) => 'deserialize' in each).map((each) => [each.type.name, each]));
const ours = new Map(Object.entries(schema).filter(([, each]) => 'decode' in each)) as ReadonlyMap<
  string,
  Message<unknown>
>;

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const PHASES = ['joining', 'joined', 'engine', 'engine-up', 'serving', 'ready', 'handed-over', 'stopping'];
const SERVING = ['SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** A random value of a message, made from what proto-loader read in the .proto file. */
function anyOf(name: string): fc.Arbitrary<unknown> {
  const { type } = official.get(name)!;
  if (type.oneofDecl.some(({ name: of }) => of === 'kind')) {
    const kinds = type.field.map((field) => anyOf(field.typeName).map((value) => ({ kind: field.name, value })));
    return fc.oneof(...kinds);
  }
  const isMap = (field: Field) => type.nestedType.some(({ name: nested }) => nested === field.typeName);
  const isOptional = (field: Field) => type.oneofDecl.some(({ name: of }) => of === `_${field.name}`);
  const value = (field: Field) => {
    if (isMap(field)) return fc.dictionary(text, text, { maxKeys: 4 });
    if (field.label === 'LABEL_REPEATED') return fc.array(single(field), { maxLength: 5 });
    return isOptional(field) || field.type === 'TYPE_MESSAGE'
      ? fc.option(single(field), { nil: undefined })
      : single(field);
  };
  return fc.record(Object.fromEntries(type.field.map((field) => [field.name, value(field)])));
}

function single({ type, typeName }: Field): fc.Arbitrary<unknown> {
  if (type === 'TYPE_STRING') return text;
  if (type === 'TYPE_BYTES') return fc.uint8Array({ maxLength: 40 });
  if (type === 'TYPE_BOOL') return fc.boolean();
  if (type === 'TYPE_UINT32') return fc.nat({ max: 2 ** 31 - 1 }).map((n) => n * 2 + 1);
  if (type === 'TYPE_UINT64') return fc.nat({ max: Number.MAX_SAFE_INTEGER });
  if (type === 'TYPE_ENUM') return fc.constantFrom(undefined, ...(typeName === 'Phase' ? PHASES : SERVING));
  if (type === 'TYPE_MESSAGE') return anyOf(typeName);
  throw new Error(`this test does not know ${type}`);
}

/** Our value in the words of the .proto: enums in capitals, a union by its case, what is absent left out. */
function inProtoWords(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inProtoWords);
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (typeof value === 'string' && PHASES.includes(value)) return `PHASE_${value.toUpperCase().replace('-', '_')}`;
  if (typeof value !== 'object' || value === null) return value;
  if ('kind' in value && 'value' in value) return { [String(value.kind)]: inProtoWords(value.value) };
  const there = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(there.map(([name, each]) => [name, inProtoWords(each)]));
}

/** What both sides gave, made comparable: no proto3 defaults, no synthetic names, bytes as hex. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value !== 'object' || value === null) return value;
  const unset = new Set<unknown>([undefined, null, 'PHASE_UNSPECIFIED', 'UNKNOWN']);
  const there = Object.entries(value).filter(
    ([name, each]) => !unset.has(each) && !/^_[a-z]+[A-Za-z]*$/.test(name) && name !== 'kind',
  );
  return Object.fromEntries(there.map(([name, each]) => [name, bare(each)]));
}

test('every message of proto/ has its twin in the schema, and the other way round', () => {
  expect([...ours.keys()].sort()).toEqual([...official.keys()].sort());
});

describe.each([...ours.keys()])('%s', (name) => {
  test('written by us, read by proto-loader', () => {
    fc.assert(
      fc.property(anyOf(name), (value) => {
        const bytes = ours.get(name)!.encode(value);
        expect(bare(official.get(name)!.deserialize(bytes))).toEqual(bare(inProtoWords(value)));
      }),
      { numRuns: 60 },
    );
  });

  test('written by proto-loader, read by us', () => {
    fc.assert(
      fc.property(anyOf(name), (value) => {
        const bytes = official.get(name)!.serialize(inProtoWords(value));
        expect(bare(inProtoWords(ours.get(name)!.decode(bytes)))).toEqual(bare(inProtoWords(value)));
      }),
      { numRuns: 60 },
    );
  });

  test('random bytes are read or refused as malformed, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          ours.get(name)!.decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessage);
        }
      }),
    );
  });
});

describe('decode', () => {
  test.each([
    { when: 'a length beyond the end', bytes: [0x0a, 0x7f, 0x61] },
    { when: 'a number without its end', bytes: [0x10, 0xff] },
    { when: 'a number of eleven bytes', bytes: [0x10, ...Array(11).fill(0xff)] },
    { when: 'field number 0', bytes: [0x02, 0x00] },
    { when: 'a group, which proto3 has not', bytes: [0x0b] },
    { when: 'a string where a number belongs', bytes: [0x1a, 0x01, 0x61] },
  ])('with $when → MalformedMessage', ({ bytes }) => {
    expect(() => schema.Peer.decode(Uint8Array.from(bytes))).toThrow(MalformedMessage);
  });

  test('skips fields of a newer peer', () => {
    const newer = Buffer.concat([
      schema.Peer.encode({ member: 'a', incarnation: '', rank: 2, address: '', devices: 0 }),
      Buffer.from([0xfa, 0x06, 0x01, 0x61]),
    ]);
    expect(schema.Peer.decode(newer)).toEqual({ member: 'a', incarnation: '', rank: 2, address: '', devices: 0 });
  });

  test('an unknown kind of a newer peer is undefined', () => {
    expect(schema.FromHead.decode(Uint8Array.from([0xfa, 0x06, 0x00]))).toBeUndefined();
  });

  test('a term named __proto__ is a name like any other', () => {
    const terms = { ['__proto__']: 'x' };
    Object.defineProperty(terms, '__proto__', { value: 'x', enumerable: true });
    const bytes = schema.HelloBody.encode({
      member: '',
      incarnation: '',
      wantedRank: undefined,
      preferredRank: undefined,
      terms,
      digest: '',
      versions: {},
      devices: undefined,
      address: '',
      fingerprint: undefined,
    });
    expect(Object.entries(schema.HelloBody.decode(bytes).terms)).toEqual([['__proto__', 'x']]);
  });

  test('packed and unpacked numbers are the same', () => {
    expect(schema.Beat.decode(Uint8Array.from([0x18, 0x01, 0x1a, 0x02, 0x02, 0x03])).missingRanks).toEqual([1, 2, 3]);
  });
});
