import { hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  writeFileSync(at('token'), '  hunter2hunter2\n\n');
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
});
