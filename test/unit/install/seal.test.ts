/** A Node of 12 KiB, as the linker lays one out: three segments, a note, symbols at the end. */
import { describe, expect, test } from 'vitest';
import { type Image, sealOf } from '../../../src/install/seal.ts';

const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:0';
const FUSE_AT = 4_200;
const BASE = 0x400000;
const BLOB = Buffer.from('the script');

interface Header {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly memory?: number;
}

const LAYOUT: readonly Header[] = [
  { type: 1, offset: 0, size: 4_000 },
  { type: 1, offset: 4_096, size: 1_000 },
  { type: 1, offset: 8_192, size: 500, memory: 900 },
  { type: 4, offset: 600, size: 36 },
];

function node(headers: readonly Header[] = LAYOUT, change: (bytes: Buffer) => void = () => {}): Buffer {
  const bytes = Buffer.alloc(12_288);
  bytes.write('\x7fELF\x02\x01', 0, 'latin1');
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeBigUInt64LE(10_000n, 40); // section headers
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(headers.length, 56);
  bytes.writeUInt16LE(3, 60);
  headers.forEach(({ type, offset, size, memory = size }, index) => {
    const at = 64 + index * 56;
    bytes.writeUInt32LE(type, at);
    for (const [field, value] of Object.entries({ 8: offset, 16: BASE + offset, 32: size, 40: memory }))
      bytes.writeBigUInt64LE(BigInt(value), at + Number(field));
  });
  bytes.write('the old note', 600);
  bytes.write(FUSE, FUSE_AT);
  change(bytes);
  return bytes;
}

const imageOf = (bytes: Buffer): Image => ({
  read: (at, length) => bytes.subarray(at, at + length),
  find: (text) => {
    const found: number[] = [];
    for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) found.push(at);
    return found;
  },
});

/** As the edge does it. */
function sealed(bytes: Buffer): Buffer {
  const seal = sealOf(imageOf(bytes), BLOB);
  if (typeof seal === 'string') throw new Error(seal);
  const copy = Buffer.from(bytes.subarray(0, seal.keep));
  for (const patch of seal.patches) patch.bytes.copy(copy, patch.at);
  return copy;
}

const header = (bytes: Buffer, index: number) => {
  const field = (at: number) => Number(bytes.readBigUInt64LE(64 + index * 56 + at));
  return { offset: field(8), address: field(16), fileSize: field(32), memorySize: field(40) };
};

describe('a sealed Node', () => {
  const result = sealed(node());
  const note = header(result, 3);
  const home = header(result, 0);

  test('keeps what is loaded, and no symbols or section headers', () => {
    expect(result).toHaveLength(8_692);
    expect(result.readBigUInt64LE(40)).toBe(0n);
    expect([result.readUInt16LE(60), result.readUInt16LE(62)]).toEqual([0, 0]);
  });

  test('has its notes behind the first segment that leaves room, at the address the kernel maps them to', () => {
    expect(note).toEqual({ offset: 4_000, address: BASE + 4_000, fileSize: note.fileSize, memorySize: note.fileSize });
    expect(home.fileSize).toBe(4_000 + note.fileSize);
    expect(home.memorySize).toBe(home.fileSize);
    expect(note.offset + note.fileSize).toBeLessThanOrEqual(4_096);
  });

  test('has the old notes first, then the script under the name that Node looks for', () => {
    const notes = result.subarray(note.offset, note.offset + note.fileSize);
    expect(notes.toString('latin1', 0, 12)).toBe('the old note');
    const ours = notes.subarray(36);
    expect([ours.readUInt32LE(0), ours.readUInt32LE(4)]).toEqual([14, BLOB.length]);
    expect(ours.toString('latin1', 12, 26)).toBe('NODE_SEA_BLOB\0');
    expect(ours.subarray(28, 28 + BLOB.length)).toEqual(BLOB);
  });

  test('has its fuse turned, and every other byte as it was', () => {
    expect(result.toString('latin1', FUSE_AT, FUSE_AT + FUSE.length)).toBe(FUSE.replace(/0$/, '1'));
    const changed = [...result].flatMap((byte, at) => (byte === node()[at] ? [] : [at]));
    expect(changed.filter((at) => at > 288 && at < 4_000)).toEqual([]);
    expect(changed.filter((at) => at > 4_096)).toEqual([FUSE_AT + FUSE.length - 1]);
  });
});

describe('no room', () => {
  test.each<{ where: string; headers: readonly Header[]; change?: (bytes: Buffer) => void; offset: number }>([
    {
      where: 'a first gap that is too small is passed over',
      headers: [{ type: 1, offset: 0, size: 4_090 }, ...LAYOUT.slice(1)],
      offset: 5_096,
    },
    {
      where: 'a gap that holds something is passed over',
      headers: LAYOUT,
      change: (bytes) => void bytes.writeUInt8(1, 4_095),
      offset: 5_096,
    },
  ])('$where', ({ headers, change, offset }) => {
    expect(header(sealed(node(headers, change)), 3).offset).toBe(offset);
  });
});

describe('refused', () => {
  test.each<{ when: string; bytes: Buffer; why: RegExp }>([
    { when: 'a script', bytes: Buffer.from('#!/bin/sh\n'.padEnd(64)), why: /no 64-bit little-endian ELF/ },
    { when: 'an empty file', bytes: Buffer.alloc(0), why: /no 64-bit little-endian ELF/ },
    { when: 'a 32-bit program', bytes: node(LAYOUT, (bytes) => void bytes.writeUInt8(1, 4)), why: /no 64-bit/ },
    {
      when: 'a program without the fuse',
      bytes: node(LAYOUT, (bytes) => void bytes.fill(0, FUSE_AT, 5_000)),
      why: /no fuse/,
    },
    { when: 'two fuses', bytes: node(LAYOUT, (bytes) => void bytes.write(FUSE, 4_400)), why: /no fuse/ },
    { when: 'no notes', bytes: node(LAYOUT.slice(0, 3)), why: /no ELF notes/ },
    {
      when: 'no gap at all',
      bytes: node([{ type: 1, offset: 0, size: 4_096 }, { type: 1, offset: 4_096, size: 4_096 }, ...LAYOUT.slice(2)]),
      why: /no segment leaves \d+ bytes/,
    },
  ])('$when', ({ bytes, why }) => {
    expect(sealOf(imageOf(bytes), BLOB)).toMatch(why);
  });
});
