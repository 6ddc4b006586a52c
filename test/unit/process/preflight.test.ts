import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { preflight } from '../../../src/process/preflight.ts';

let root: string;
const file = (name: string, content: string | Buffer, mode = 0o755) => {
  writeFileSync(join(root, name), content);
  chmodSync(join(root, name), mode);
};
const check = (name: string, path = '/usr/bin:/bin') => preflight({ argv: [name], env: { PATH: path } });

/** The smallest ELF header with one program header, PT_INTERP. */
function elf(linker: string): Buffer {
  const bytes = Buffer.alloc(256);
  bytes.write('\x7fELF\x02\x01\x01', 'latin1');
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(3, 64);
  bytes.writeBigUInt64LE(128n, 72);
  bytes.writeBigUInt64LE(BigInt(linker.length + 1), 96);
  bytes.write(`${linker}\0`, 128);
  return bytes;
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'muster-preflight-'));
  for (const name of ['a', 'b', 'dir', 'dir/tool']) mkdirSync(join(root, name));
  file('a/tool', '#!/bin/sh\n', 0o644);
  file('b/tool', '#!/bin/sh\n');
  file('plain', '#!/bin/sh\n', 0o644);
  file('args', '#! /bin/sh -e\n');
  file('lost', '#!/no/such/interpreter -x\n');
  file('crlf', '#!/bin/sh\r\n');
  file('bare', '#!\n');
  file('relative', '#!bin/sh\n');
  file('empty', '');
  file('text', 'echo hello\n');
  file('data', Buffer.from([0, 1, 2, 3]));
  file('by-env', '#!/usr/bin/env sh\n');
  file('by-env-lost', '#!/usr/bin/env no-such-interpreter\n');
  file('by-env-words', '#!/usr/bin/env sh -e\n');
  file('by-env-split', '#!/usr/bin/env -S sh -e\n');
  file('by-env-split-lost', '#!/usr/bin/env -S no-such-interpreter -u\n');
  file('by-script', `#!${root}/args\n`);
  file('by-lost', `#!${root}/lost\n`);
  file('itself', `#!${root}/itself\n`);
  file('elf', elf('/bin/sh'));
  file('elf-lost', elf('/lib/no-such-linker.so.1'));
  symlinkSync('/bin/sh', join(root, 'link'));
  symlinkSync('/no/such/target', join(root, 'dangling'));
  symlinkSync(join(root, 'loop'), join(root, 'loop'));
});
afterAll(() => rmSync(root, { recursive: true }));

describe('a name without a slash is looked up on PATH', () => {
  test.each([
    { when: 'the first hit', path: 'R/b:/bin', want: 'R/b/tool' },
    { when: 'past a directory that does not exist', path: '/no/such:R/b', want: 'R/b/tool' },
    { when: 'past a file that is not executable', path: 'R/a:R/b', want: 'R/b/tool' },
    { when: 'past a directory of that name', path: 'R/dir:R/b', want: 'R/b/tool' },
    { when: 'past an entry that is a file', path: 'R/plain:R/b', want: 'R/b/tool' },
  ])('$when', ({ path, want }) => {
    const at = (text: string) => text.replaceAll('R', root);
    expect(check('tool', at(path))).toEqual({ ok: true, file: at(want) });
  });

  test.each(['', ':/no/such', '/no/such:', '/no/such::/no'])('an empty entry (%j) is the working directory', (path) => {
    const before = process.cwd();
    process.chdir(join(root, 'b'));
    try {
      expect(check('tool', path)).toEqual({ ok: true, file: './tool' });
    } finally {
      process.chdir(before);
    }
  });

  test('without PATH in /bin and /usr/bin', () => {
    expect(preflight({ argv: ['sh'], env: {} })).toEqual({ ok: true, file: '/bin/sh' });
  });

  test('the PATH is the command’s own, not ours', () => {
    expect(check('sh', '/no/such')).toMatchObject({
      refusal: { code: 'NOT_FOUND', message: 'sh is in no directory of PATH (/no/such)' },
    });
  });

  test('only a file that is not executable → 126', () => {
    expect(check('tool', join(root, 'a'))).toMatchObject({ refusal: { code: 'NOT_EXECUTABLE' } });
  });
});

describe('a name with a slash is a path', () => {
  test.each(['args', 'by-env', 'by-env-split', 'by-script', 'elf', 'link'])('%s can be loaded', (name) => {
    expect(check(join(root, name))).toEqual({ ok: true, file: join(root, name) });
  });

  test.each([
    { name: 'missing', code: 'NOT_FOUND', says: 'does not exist (ENOENT)' },
    { name: 'plain/below', code: 'NOT_FOUND', says: 'does not exist (ENOTDIR)' },
    { name: 'dangling', code: 'NOT_FOUND', says: 'does not exist (ENOENT)' },
    { name: 'loop', code: 'NOT_FOUND', says: 'does not exist (ELOOP)' },
    { name: 'dir', code: 'NOT_EXECUTABLE', says: 'is a directory' },
    { name: 'plain', code: 'NOT_EXECUTABLE', says: 'may not be executed (mode 0644)' },
    { name: 'empty', code: 'NOT_EXECUTABLE', says: 'neither a program nor a script' },
    { name: 'text', code: 'NOT_EXECUTABLE', says: 'neither a program nor a script' },
    { name: 'data', code: 'NOT_EXECUTABLE', says: 'neither a program nor a script' },
    { name: 'bare', code: 'NOT_EXECUTABLE', says: 'names no interpreter' },
    { name: 'lost', code: 'NOT_FOUND', says: 'needs an interpreter: /no/such/interpreter does not exist' },
    { name: 'crlf', code: 'NOT_FOUND', says: 'needs an interpreter' },
    { name: 'relative', code: 'NOT_FOUND', says: 'bin/sh does not exist' },
    { name: 'by-env-lost', code: 'NOT_FOUND', says: 'asks env for an interpreter: no-such-interpreter' },
    { name: 'by-env-words', code: 'NOT_FOUND', says: 'asks env for an interpreter: sh -e' },
    { name: 'by-env-split-lost', code: 'NOT_FOUND', says: 'asks env for an interpreter: no-such-interpreter' },
    { name: 'by-lost', code: 'NOT_FOUND', says: 'lost needs an interpreter' },
    { name: 'itself', code: 'NOT_EXECUTABLE', says: 'chain of interpreters' },
    { name: 'elf-lost', code: 'NOT_FOUND', says: 'needs the dynamic linker /lib/no-such-linker.so.1' },
  ])('$name → $code (fault 29)', ({ name, code, says }) => {
    expect(check(join(root, name))).toMatchObject({
      ok: false,
      refusal: { code, message: expect.stringContaining(says) },
    });
  });

  test('CRLF is named in the hint', () => {
    expect(check(join(root, 'crlf'))).toMatchObject({ refusal: { hint: expect.stringContaining('CRLF') } });
  });
});

test('no name at all → 127', () => expect(check('')).toMatchObject({ refusal: { code: 'NOT_FOUND' } }));

test('a too long argument is refused before anything is looked up', () => {
  expect(preflight({ argv: ['/no/such', 'x'.repeat(200_000)], env: {} })).toMatchObject({
    refusal: { code: 'ARGS_TOO_LONG' },
  });
});
