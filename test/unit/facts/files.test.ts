import { hash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lookAtModel } from '../../../src/launch/facts/model-directory.ts';
import { readToken } from '../../../src/launch/facts/token.ts';

let root = '';
const at = (...parts: string[]) => join(root, ...parts);

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'muster-facts-'));
  for (const name of ['empty', 'filled', 'weights', 'huge', 'odd/config.json'])
    mkdirSync(at(name), { recursive: true });
  writeFileSync(at('file'), '');
  writeFileSync(at('filled', 'config.json'), '{}');
  writeFileSync(at('weights', 'model.safetensors'), '');
  writeFileSync(at('huge', 'config.json'), '');
  truncateSync(at('huge', 'config.json'), 5 * 1024 * 1024);
  symlinkSync('loop', at('loop'));
  symlinkSync('filled', at('link'));
  mkdirSync(at('looped'));
  symlinkSync('config.json', at('looped', 'config.json'));
  writeFileSync(at('token'), '  hunter2hunter2\n\n', { mode: 0o640 });
  writeFileSync(at('blank'), ' \n');
});
afterAll(() => rmSync(root, { recursive: true }));

describe('the model directory', () => {
  test.each([
    { what: 'nothing', path: 'nothing', want: { state: 'missing' } },
    { what: 'a path through a file', path: 'file/x', want: { state: 'missing' } },
    { what: 'a file', path: 'file', want: { state: 'not-a-directory' } },
    { what: 'an empty directory', path: 'empty', want: { state: 'empty' } },
    { what: 'a model', path: 'filled', want: { state: 'filled', fingerprint: hash('sha256', '{}') } },
    { what: 'a link to a model', path: 'link', want: { state: 'filled', fingerprint: hash('sha256', '{}') } },
    { what: 'weights without a config', path: 'weights', want: { state: 'filled', fingerprint: undefined } },
    { what: 'a config too large to hash', path: 'huge', want: { state: 'filled', fingerprint: undefined } },
    { what: 'a config that is a directory', path: 'odd', want: { state: 'filled', fingerprint: undefined } },
    { what: 'a config that is a loop of links', path: 'looped', want: { state: 'filled', fingerprint: undefined } },
    { what: 'a loop of links', path: 'loop', want: { state: 'unreadable' } },
    { what: 'a name too long', path: 'x'.repeat(300), want: { state: 'unreadable' } },
  ])('$what → $want.state', ({ path, want }) => {
    expect(lookAtModel(at(path))).toEqual(want);
  });
});

describe('a model directory that leads astray (fault 7)', () => {
  const cache = ['hub', 'models--q--tiny', 'snapshots', 'c0ffee'] as const;
  beforeAll(() => {
    mkdirSync(at('hub', 'models--q--tiny', 'blobs'), { recursive: true });
    mkdirSync(at(...cache), { recursive: true });
    writeFileSync(at('hub', 'models--q--tiny', 'blobs', '8c6c'), '{}');
    symlinkSync('../../blobs/8c6c', at(...cache, 'config.json'));
    mkdirSync(at('root', 'sly'), { recursive: true });
    mkdirSync(at('root', 'good'));
    writeFileSync(at('root', 'good', 'config.json'), '{}');
    symlinkSync(at('filled'), at('root', 'away'));
    symlinkSync('/etc/hosts', at('root', 'sly', 'config.json'));
    mkdirSync(at('rooted'));
    symlinkSync('../filled', at('rooted', 'model'));
  });

  test.each([
    { path: '../../etc', of: 'the working directory' },
    { path: 'models/../../etc', of: 'the working directory' },
    { path: '..', of: 'the working directory' },
  ])('$path, relative: outside of $of', ({ path, of }) => {
    expect(lookAtModel(path)).toEqual({ state: 'outside', at: resolve(path), of });
  });

  test.each([
    { what: 'a link out of the root', path: 'root/away', root: 'root', leadsTo: 'filled' },
    { what: 'a path beside the root', path: 'rooted', root: 'root', leadsTo: 'rooted' },
    { what: 'a path with .. in it', path: 'root/../filled', root: 'root', leadsTo: 'filled' },
    {
      what: 'a snapshot whose blobs are elsewhere',
      path: cache.join('/'),
      root: cache.slice(0, 3).join('/'),
      leadsTo: 'hub/models--q--tiny/blobs/8c6c',
    },
    { what: 'any path, when the root is not there', path: 'filled', root: 'nowhere', leadsTo: 'filled' },
  ])('$what: outside', ({ path, root, leadsTo }) => {
    // Not through `join`, which would take the .. away.
    expect(lookAtModel(`${at()}/${path}`, at(root))).toEqual({
      state: 'outside',
      at: realpathSync(at(leadsTo)),
      of: at(root),
    });
  });

  test('a config.json that leads to a file of the machine: outside', () => {
    const found = lookAtModel(at('root', 'sly'), at('root'));
    expect(found).toEqual({ state: 'outside', at: realpathSync('/etc/hosts'), of: at('root') });
  });

  test.each([
    { what: 'a directory in the root', path: 'root/good', root: 'root' },
    { what: 'the root itself', path: 'filled', root: 'filled' },
    { what: 'a root that is a link', path: 'filled', root: 'link' },
    { what: 'everything, in the root of all', path: 'filled', root: '/' },
    { what: 'a snapshot of a hub cache, in the cache', path: cache.join('/'), root: 'hub' },
    { what: 'a snapshot of a hub cache, without a root', path: cache.join('/'), root: undefined },
    { what: 'a link to another place, without a root', path: 'rooted/model', root: undefined },
  ])('$what: a model like any other', ({ path, root }) => {
    const seen = lookAtModel(at(path), root === undefined || root === '/' ? root : at(root));
    expect(seen).toEqual({ state: 'filled', fingerprint: hash('sha256', '{}') });
  });
});

describe('the token of the group', () => {
  test.each([
    { when: 'nothing is set', file: undefined, env: {}, token: undefined, text: undefined },
    {
      when: 'the variable is set',
      file: undefined,
      env: { MUSTER_TOKEN: ' abc\n' },
      token: { origin: 'env MUSTER_TOKEN', bytes: 3 },
      text: 'abc',
    },
    {
      when: 'it has letters of two bytes',
      file: undefined,
      env: { MUSTER_TOKEN: 'üü' },
      token: { origin: 'env MUSTER_TOKEN', bytes: 4 },
      text: 'üü',
    },
    {
      when: 'the variable is empty',
      file: undefined,
      env: { MUSTER_TOKEN: '' },
      token: { origin: 'env MUSTER_TOKEN', bytes: 0 },
      text: '',
    },
  ])('$when → $token', ({ file, env, token, text }) => {
    expect(readToken(file, env)).toEqual({ token, text, refusals: [] });
  });

  test('the file wins, without the last newline of an editor', () => {
    const { token, text } = readToken(at('token'), { MUSTER_TOKEN: 'other' });
    expect(token).toEqual({ origin: `file ${at('token')}`, bytes: 14 });
    expect(text).toBe('hunter2hunter2');
  });

  test('a blank file is an empty token, not none: it will be refused as weak', () => {
    expect(readToken(at('blank'), { MUSTER_TOKEN: 'other' }).token?.bytes).toBe(0);
  });

  test.each(['nothing', 'empty', 'loop'])(
    'a file that cannot be read (%s) → refused, the variable is not used',
    (name) => {
      const { token, text, refusals } = readToken(at(name), { MUSTER_TOKEN: 'hunter2hunter2' });
      // Known to be there, so that the plan does not also complain that there is none.
      expect({ token, text }).toEqual({
        token: { origin: `file ${at(name)}`, bytes: Number.POSITIVE_INFINITY },
        text: undefined,
      });
      expect(refusals).toMatchObject([{ code: 'TOKEN_FILE_UNREADABLE', message: expect.stringContaining(at(name)) }]);
      expect(JSON.stringify(refusals)).not.toContain('hunter2');
    },
  );

  test.each([
    { mode: 0o600, openToAll: undefined },
    { mode: 0o440, openToAll: undefined },
    { mode: 0o644, openToAll: true },
    { mode: 0o602, openToAll: true },
  ])('a file of mode $mode: open to all $openToAll', ({ mode, openToAll }) => {
    writeFileSync(at('moded'), 'hunter2hunter2');
    chmodSync(at('moded'), mode);
    expect(readToken(at('moded'), {}).token?.openToAll).toBe(openToAll);
  });

  test('a Secret as the kubelet mounts it, 0644 behind two links, is no open file', () => {
    mkdirSync(at('secret', '..2026_11_21_12_00_00.123456789'), { recursive: true });
    writeFileSync(at('secret', '..2026_11_21_12_00_00.123456789', 'token'), 'hunter2hunter2', { mode: 0o644 });
    symlinkSync('..2026_11_21_12_00_00.123456789', at('secret', '..data'));
    symlinkSync('..data/token', at('secret', 'token'));
    const { token, text } = readToken(at('secret', 'token'), {});
    expect(text).toBe('hunter2hunter2');
    expect(token?.openToAll).toBeUndefined();
  });
});
