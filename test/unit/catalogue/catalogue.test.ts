import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allRuntimes, type Compiled, findRuntime } from '../../../src/launch/catalogue/catalogue.ts';
import { parseRuntime } from '../../../src/launch/catalogue/parse.ts';
import { RUNTIMES } from '../plan/fixture.ts';

const demo = readFileSync(join(RUNTIMES, 'demo.yaml'), 'utf8');
const named = (name: string, title = 'mine'): string =>
  demo.replace('name: demo\n', `name: ${name}\n`).replace(/^title: .*$/m, `title: ${title}`);

let root = '';
const at = (...parts: string[]) => join(root, ...parts);
/** Shelves of directories below the temporary root, the shipped ones last. */
const shelves = (...names: string[]) => ({ directories: [...names.map((name) => at(name)), RUNTIMES], compiled: {} });

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'muster-catalogue-'));
  const files: Record<string, string> = {
    'first/demo.yaml': named('demo', 'first'),
    'second/demo.yaml': named('demo', 'second'),
    'second/extra.yaml': named('extra'),
    'second/README.yaml': 'not a runtime',
    'second/notes.txt': '',
    'wrong/alias.yaml': named('other'),
    'wrong/broken.yaml': 'a: [',
    'secret.yaml': named('secret'),
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(at(name), '..'), { recursive: true });
    writeFileSync(at(name), text);
  }
  mkdirSync(at('wrong', 'directory.yaml'));
  symlinkSync('loop.yaml', at('wrong', 'loop.yaml'));
  writeFileSync(at('a-file'), '');
});
afterAll(() => {
  chmodSync(root, 0o700);
  rmSync(root, { recursive: true });
});

describe('who wins', () => {
  test.each([
    { when: 'nobody else has it', directories: [], want: "muster's demo server" },
    { when: 'the user has it', directories: ['first'], want: 'first' },
    { when: 'two of the user have it', directories: ['second', 'first'], want: 'second' },
    { when: 'only the second has it', directories: ['first', 'second'], name: 'extra', want: 'mine' },
    { when: 'the directory of the user is not there', directories: ['nowhere'], want: "muster's demo server" },
  ])('when $when → $want', async ({ directories, name = 'demo', want }) => {
    const entry = await findRuntime(name, shelves(...directories));
    expect(entry.runtime.title).toContain(want);
    expect(entry.file).toBe(join(entry.directory, `${name}.yaml`));
  });

  test('a file with the text that was compiled is not parsed again', async () => {
    const runtime = { ...parseRuntime(demo, 'demo.yaml'), title: 'compiled' };
    const compiled: Compiled = { 'demo.yaml': { text: demo, runtime } };
    expect((await findRuntime('demo', { directories: [RUNTIMES], compiled })).runtime.title).toBe('compiled');
    expect((await findRuntime('demo', { ...shelves('first'), compiled })).runtime.title).toBe('first');
  });

  test('all of them, each once, sorted; files that cannot be runtimes are left alone', async () => {
    const names = (await allRuntimes(shelves('first', 'second'))).map(({ runtime }) => runtime.name);
    expect(names).toEqual([...new Set(names)].sort());
    expect(names).toEqual(expect.arrayContaining(['demo', 'extra', 'vllm']));
    expect(names).not.toContain('README');
  });
});

describe('what is refused', () => {
  test.each([
    {
      when: 'nobody has it',
      name: 'vlm',
      code: 'RUNTIME_UNKNOWN',
      says: 'there are: alias, broken, demo, demo-native',
    },
    { when: 'it is empty', name: '', code: 'RUNTIME_UNKNOWN', says: 'there is no runtime ""' },
    { when: 'it is a path', name: '../secret', code: 'RUNTIME_UNKNOWN', says: '"../secret"' },
    { when: 'it is an absolute path', name: '/etc/passwd', code: 'RUNTIME_UNKNOWN', says: '"/etc/passwd"' },
    { when: 'it has the ending', name: 'demo.yaml', code: 'RUNTIME_UNKNOWN', says: '"demo.yaml"' },
    { when: 'it has a NUL', name: 'demo\0', code: 'RUNTIME_UNKNOWN', says: 'there is no runtime' },
    { when: 'it has capitals', name: 'Demo', code: 'RUNTIME_UNKNOWN', says: '"Demo"' },
    {
      when: 'the file names itself otherwise',
      name: 'alias',
      code: 'RUNTIME_INVALID',
      says: 'alias.yaml names itself "other"',
    },
    { when: 'the file is broken', name: 'broken', code: 'RUNTIME_INVALID', says: 'broken.yaml: Flow sequence' },
    {
      when: 'the file is a directory',
      name: 'directory',
      code: 'RUNTIME_INVALID',
      says: 'directory.yaml cannot be read',
    },
    { when: 'the file is a loop', name: 'loop', code: 'RUNTIME_INVALID', says: 'loop.yaml cannot be read' },
  ])('when $when → $code', async ({ name, code, says }) => {
    const refused = findRuntime(name, shelves('wrong', 'second'));
    await expect(refused).rejects.toMatchObject({ name: 'MusterError', code, message: expect.stringContaining(says) });
  });

  test('a shelf that is a file', async () => {
    const shelf = { directories: [at('a-file')], compiled: {} };
    await expect(findRuntime('demo', shelf)).rejects.toMatchObject({ code: 'RUNTIME_INVALID' });
    await expect(allRuntimes(shelf)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      hint: expect.stringContaining('--runtimes'),
    });
  });

  test('a shelf that is not there, when all are asked for', async () => {
    await expect(allRuntimes(shelves('nowhere'))).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
