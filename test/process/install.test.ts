/** `muster install` on this machine: what is in the folder, that it needs nothing else, and what it leaves alone. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { BIN, expectEnd, type Stage, test } from './support/stage.ts';

const DIST = join(BIN, '..');
/** It writes 112 MB, and other tests may be doing the same. */
const WITHIN_MS = 60_000;

const install = (stage: Stage, dir: string, program?: [string]) =>
  stage.start(['install', dir], program ? { program } : {}).ended(WITHIN_MS);

/** An installed one, and where. */
async function installed(stage: Stage): Promise<{ dir: string; muster: [string] }> {
  const dir = join(stage.directory(), 'shared');
  expectEnd(await install(stage, dir), { status: 0 });
  return { dir, muster: [join(dir, 'muster')] };
}

const bytesBelow = (path: string): number =>
  readdirSync(path, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);

const libraries = (dir: string): string[] => readdirSync(dir).filter((name) => name.startsWith('lib-'));

describe('what is installed', () => {
  test('one file to run, one library, and no more than 140 MB', async ({ stage }) => {
    const { dir } = await installed(stage);
    expect(readdirSync(dir).sort()).toEqual(['lib', libraries(dir)[0], 'muster'].sort());
    expect(bytesBelow(dir)).toBeLessThan(140e6);
    const lib = readdirSync(join(dir, 'lib'));
    expect(lib).toEqual(expect.arrayContaining(['dist', 'runtimes', 'LICENSE', 'install.json']));
    expect(readdirSync(join(dir, 'lib/dist')).filter((name) => name.endsWith('.map'))).toEqual([]);
  });

  test('everybody may read it, whatever the umask', async ({ stage }) => {
    const dir = join(stage.directory(), 'shared');
    const argv = ['-c', 'umask 077; exec "$@"', 'sh', process.execPath, BIN, 'install', dir];
    expectEnd(await stage.start(argv, { program: ['/bin/sh'] }).ended(WITHIN_MS), { status: 0 });
    const paths = ['.', ...readdirSync(dir, { recursive: true, encoding: 'utf8' })];
    const closed = paths.filter((path) => {
      const stat = statSync(join(dir, path));
      return (stat.mode & 0o777) !== (stat.isDirectory() || stat.mode & 0o100 ? 0o755 : 0o644);
    });
    expect(closed).toEqual([]);
  });

  test('the bundle and its catalogue are no more than 2 MiB', () => {
    const files = readdirSync(DIST).filter((name) => name.endsWith('.js') || name === 'catalogue.json');
    expect(files.reduce((sum, name) => sum + statSync(join(DIST, name)).size, 0)).toBeLessThanOrEqual(2 * 2 ** 20);
  });
});

describe('it runs', () => {
  test('where it was moved to, by a link, with an empty environment, and without this checkout’s Node', async ({
    stage,
  }) => {
    const { dir } = await installed(stage);
    const moved = join(stage.directory(), 'elsewhere');
    renameSync(dir, moved);
    const link = join(stage.directory(), 'muster');
    symlinkSync(join(moved, 'muster'), link);
    const { status, stdout } = await stage.run(['-i', link, 'runtimes'], { program: ['/usr/bin/env'] });
    expect(status).toBe(0);
    expect(stdout.toString()).toContain(join(moved, readlinkSync(join(moved, 'lib')), 'runtimes/demo.yaml'));
  });

  test('with arguments and variables passed on byte for byte, names that a shell drops among them', async ({
    stage,
  }) => {
    const { muster } = await installed(stage);
    const { stdout } = await stage.run(['run', '--', '/usr/bin/env'], {
      program: muster,
      env: { 'foo.bar': 'a  b', 'my-var': '$(id)', UTF8: 'é' },
    });
    expect(stdout.toString().split('\n')).toEqual(expect.arrayContaining(['foo.bar=a  b', 'my-var=$(id)', 'UTF8=é']));
    const args = ['a  b', '', '*', '{"k": "v w"}', '--'];
    const echoed = await stage.run(['run', '--', '/usr/bin/printf', '<%s>', ...args], { program: muster });
    expect(echoed.stdout.toString()).toBe(args.map((arg) => `<${arg}>`).join(''));
  });

  test('supervising: a signal reaches the server, its status comes back', async ({ stage }) => {
    const { muster } = await installed(stage);
    const script = "trap 'exit 7' TERM; echo up; while :; do sleep 0.1; done";
    const running = stage.start(['run', '--takeover=supervise', '--', 'sh', '-c', script], { program: muster });
    await running.printed(/up/);
    running.kill('SIGTERM');
    expect((await running.ended()).status).toBe(7);
  });

  test('and installs itself in turn', async ({ stage }) => {
    const { dir, muster } = await installed(stage);
    const copy = join(stage.directory(), 'copy');
    expectEnd(await install(stage, copy, muster), { status: 0 });
    expect(readFileSync(join(copy, 'lib/install.json'))).toEqual(readFileSync(join(dir, 'lib/install.json')));
    expect((await stage.run(['--version'], { program: [join(copy, 'muster')] })).status).toBe(0);
  });
});

describe('again', () => {
  test('the same is left as it is', async ({ stage }) => {
    const { dir } = await installed(stage);
    const before = statSync(join(dir, 'muster'));
    const { status, stdout } = await install(stage, dir);
    expect({ status, words: stdout.toString() }).toEqual({
      status: 0,
      words: expect.stringContaining('is there already'),
    });
    expect(statSync(join(dir, 'muster')).ino).toBe(before.ino);
  });

  test('a binary that was cut short is mended', async ({ stage }) => {
    const { dir, muster } = await installed(stage);
    writeFileSync(join(dir, 'muster'), '');
    expectEnd(await install(stage, dir), { status: 0 });
    expect((await stage.run(['--version'], { program: muster })).status).toBe(0);
  });

  test('another version takes its place at once; the one before stays for who runs from it, older ones go', async ({
    stage,
  }) => {
    const { dir, muster } = await installed(stage);
    const [current = ''] = libraries(dir);
    // As if it were another one: its id is what says so.
    const mark = join(dir, 'lib/install.json');
    const before = 'lib-0.0.1-before';
    writeFileSync(mark, readFileSync(mark, 'utf8').replace(current.slice('lib-'.length), before.slice('lib-'.length)));
    renameSync(join(dir, current), join(dir, before));
    mkdirSync(join(dir, 'lib-0.0.0-older'));
    unlinkSync(join(dir, 'lib'));
    symlinkSync(before, join(dir, 'lib'));

    const script = 'echo up; read word';
    const running = stage.start(['run', '--takeover=supervise', '--', 'sh', '-c', script], {
      program: muster,
      stdin: '',
    });
    expectEnd(await install(stage, dir), { status: 0 });
    await running.ended();
    expect(libraries(dir).sort()).toEqual([before, current].sort());
    expect(readlinkSync(join(dir, 'lib'))).toBe(current);
    expect((await stage.run(['--version'], { program: muster })).status).toBe(0);
  });
});

describe('refused, and nothing changed', () => {
  test('a folder of somebody else', async ({ stage }) => {
    const dir = stage.directory();
    writeFileSync(join(dir, 'model.safetensors'), 'weights');
    expectEnd(await install(stage, dir), { status: 78, code: 'INSTALL_NOT_OURS', says: /model\.safetensors/ });
    expect(readdirSync(dir)).toEqual(['model.safetensors']);
  });

  test('a file', async ({ stage }) => {
    const file = join(stage.directory(), 'file');
    writeFileSync(file, 'text');
    expectEnd(await install(stage, file), { status: 73, code: 'INSTALL_TARGET', says: /is a file/ });
    expect(readFileSync(file, 'utf8')).toBe('text');
  });

  test('a folder below a file', async ({ stage }) => {
    const file = join(stage.directory(), 'file');
    writeFileSync(file, 'text');
    expectEnd(await install(stage, join(file, 'shared')), {
      status: 73,
      code: 'INSTALL_TARGET',
      says: /cannot be written/,
    });
  });

  test.for([
    { typed: [], says: /no directory/ },
    { typed: ['a', 'b'], says: /"a b" is no one directory/ },
    { typed: ['--force'], says: /"--force"/ },
  ])('muster install $typed', async ({ typed, says }, { stage }) => {
    expectEnd(await stage.run(['install', ...typed]), { status: 64, code: 'USAGE', says });
    expect(typed.filter((name) => existsSync(name))).toEqual([]);
  });
});
