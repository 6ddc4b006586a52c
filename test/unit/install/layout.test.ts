import { describe, expect, test } from 'vitest';
import {
  decide,
  type Mark,
  outdated,
  parseMark,
  refusalOf,
  roomRefusal,
  type Target,
} from '../../../src/install/layout.ts';

const MARK: Mark = { name: 'muster', version: '1.2.3', id: '1.2.3-aaaa', node: '24.21.0', bytes: 100 };

const folder = (entries: string[], more: { mark?: Mark; bytes?: number } = {}): Target => ({
  kind: 'folder',
  entries,
  ...more,
});

describe('decide', () => {
  const ours = ['muster', 'lib', 'lib-1.2.3-aaaa'];
  test.each<{ when: string; target: Target; want: string }>([
    { when: 'it is not there', target: { kind: 'absent' }, want: 'write' },
    { when: 'it is a file', target: { kind: 'file' }, want: 'INSTALL_TARGET' },
    { when: 'it is empty', target: folder([]), want: 'write' },
    { when: 'it is a new ext4 volume', target: folder(['lost+found']), want: 'write' },
    { when: 'an installation was killed there', target: folder(['.installing-1a2b']), want: 'write' },
    { when: 'the same is there', target: folder(ours, { mark: MARK, bytes: 100 }), want: 'nothing' },
    { when: 'the same is there, its binary cut short', target: folder(ours, { mark: MARK, bytes: 99 }), want: 'write' },
    { when: 'the same is there, its binary gone', target: folder(['lib'], { mark: MARK }), want: 'write' },
    {
      when: 'another version is there',
      target: folder(ours, { mark: { ...MARK, id: 'b' }, bytes: 100 }),
      want: 'write',
    },
    {
      when: 'ours and something else',
      target: folder([...ours, 'notes'], { mark: MARK, bytes: 100 }),
      want: 'nothing',
    },
    { when: 'it holds something else', target: folder(['notes']), want: 'INSTALL_NOT_OURS' },
    { when: 'it only looks like ours', target: folder(ours), want: 'INSTALL_NOT_OURS' },
  ])('$when → $want', ({ target, want }) => {
    const todo = decide('/shared', target, MARK.id);
    expect(typeof todo === 'object' ? todo.code : todo).toBe(want);
  });

  test('a refusal names the folder, some of what is in it, and where to go', () => {
    expect(decide('/shared', folder(['a', 'b', 'c', 'd', 'e']), 'x')).toEqual({
      code: 'INSTALL_NOT_OURS',
      message: '/shared is not empty and holds no muster: a, b, c and 2 more',
      hint: 'Nothing was changed. Name a folder of its own, e.g. /shared/muster.',
    });
  });
});

describe('parseMark', () => {
  test('reads back what was written, and no more than that', () => {
    expect(parseMark(JSON.stringify({ ...MARK, more: 1 }))).toEqual(MARK);
  });

  test.each([
    undefined,
    '',
    '{',
    'null',
    '[]',
    '{"name": "other"}',
    JSON.stringify({ ...MARK, bytes: '100' }),
    JSON.stringify({ ...MARK, id: 7 }),
  ])('%j is none of ours', (text) => {
    expect(parseMark(text)).toBeUndefined();
  });
});

test('outdated: all libraries but those that are kept, and nothing else', () => {
  expect(outdated(['muster', 'lib', 'lib-a', 'lib-b', 'lib-c', 'libs'], ['lib-c', 'lib-b', undefined])).toEqual([
    'lib-a',
  ]);
});

describe('roomRefusal', () => {
  test.each([
    { when: 'the file system does not say', free: undefined, want: undefined },
    { when: 'there is enough', free: 200e6, want: undefined },
    {
      when: 'there is too little',
      free: 50e6,
      want: { code: 'DISK_FULL', message: '/shared has 50.0 MB free, and muster needs 116.2 MB' },
    },
  ])('$when', ({ free, want }) => {
    const refusal = roomRefusal('/shared', 112e6, free);
    if (want) expect(refusal).toMatchObject(want);
    else expect(refusal).toBeUndefined();
  });
});

describe('refusalOf', () => {
  test.each([
    ['EACCES', 'INSTALL_TARGET'],
    ['EPERM', 'INSTALL_TARGET'],
    ['EROFS', 'INSTALL_TARGET'],
    ['ENOTDIR', 'INSTALL_TARGET'],
    ['ENOENT', 'INSTALL_TARGET'],
    ['ENOSPC', 'DISK_FULL'],
    ['EDQUOT', 'DISK_FULL'],
    ['EIO', undefined],
  ])('%s → %s', (code, want) => {
    expect(refusalOf('/shared', Object.assign(new Error('words'), { code }))?.code).toBe(want);
  });
});
