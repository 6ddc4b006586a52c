/** The invariants of the design, as absences: a failure names the files that break one. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { transformSync } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { CODES } from '../../src/errors.ts';

const ROOT = join(import.meta.dirname, '../..');

interface Source {
  readonly text: string;
  /** Without types and comments. */
  readonly code: string;
  /** What it imports, type-only imports too; our own modules as paths from the root. */
  readonly imports: readonly string[];
  /** The same without type-only imports: what is loaded with it. */
  readonly loads: readonly string[];
}

const FROM = /(?:^|\n)(?:import|export)\s(?:[^'";]*?\sfrom\s)?'([^']+)'|\bimport\('([^']+)'\)/g;

const importsIn = (file: string, text: string): string[] =>
  [...text.matchAll(FROM)]
    .map(([, fixed, lazy]) => fixed ?? lazy ?? '')
    .map((module) => (module.startsWith('.') ? normalize(join(dirname(file), module)) : module));

function read(file: string): Source {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const { code } = transformSync(text, { loader: 'ts', legalComments: 'none' });
  return { text, code, imports: importsIn(file, text), loads: importsIn(file, code.replaceAll('"', "'")) };
}

/** Every file of src by its path from the root. */
const SOURCES: ReadonlyMap<string, Source> = new Map(
  readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('src', name))
    .map((file) => [file, read(file)]),
);

const where = (wrong: (source: Source, file: string) => boolean): string[] =>
  [...SOURCES].filter(([file, source]) => wrong(source, file)).map(([file]) => file);

const except =
  (allowed: string, pattern: RegExp) =>
  ({ code }: Source, file: string): boolean =>
    !file.startsWith(allowed) && pattern.test(code);

test('there is something to look at, and both kinds of import are seen', () => {
  expect(SOURCES.size).toBeGreaterThan(80);
  expect(SOURCES.get('src/main.ts')?.imports).toEqual(expect.arrayContaining(['src/cli/launch.ts', 'src/world.ts']));
  expect(SOURCES.get('src/main.ts')?.loads).not.toContain('src/world.ts');
});

describe('nowhere', () => {
  test.each<{ what: string; wrong: (source: Source, file: string) => boolean }>([
    { what: 'process.exit, but in bin.ts', wrong: except('src/bin.ts', /\bprocess\.(exit\(|exitCode|abort)/) },
    { what: 'process.env or process.argv, but in bin.ts', wrong: except('src/bin.ts', /\bprocess\.(env|argv)\b/) },
    { what: 'a child process, but in src/process', wrong: except('src/process/', /child_process|["']execa["']/) },
    { what: 'a shell', wrong: ({ code }) => /\bshell:\s*(true|["'`])|["'`](\/bin\/)?(ba|da|z)?sh["'`]/.test(code) },
    { what: 'a default export', wrong: ({ code }) => /^export default|\bas default\b/m.test(code) },
    { what: 'a file of more than 300 lines', wrong: ({ text }) => text.split('\n').length > 301 },
    { what: 'console', wrong: ({ code }) => /\bconsole\./.test(code) },
    {
      what: 'the wall clock in a stage that decides',
      wrong: ({ code }, file) => /launch\/(args|catalogue|plan)\//.test(file) && /\bDate\b|\bperformance\b/.test(code),
    },
    { what: 'yargs, but for help', wrong: except('src/cli/help.ts', /["']yargs/) },
    { what: 'zod, but where a runtime is parsed', wrong: except('src/launch/catalogue/', /["']zod["']/) },
  ])('$what', ({ wrong }) => {
    expect(where(wrong)).toEqual([]);
  });
});

/** Everything that is loaded with a module, itself included. */
function loadedWith(file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const module of SOURCES.get(file)?.loads ?? []) loadedWith(module, seen);
  return seen;
}

describe('the plan is pure', () => {
  const plan = [...SOURCES.keys()].filter((file) => file.startsWith('src/launch/plan/'));

  test.each(plan)('%s and all it loads touch neither files, clock, network nor process', (file) => {
    const outside = [...loadedWith(file)].filter((module) => module.startsWith('node:') && module !== 'node:crypto');
    expect(outside).toEqual([]);
    expect(where(({ code }, each) => each === file && /\bprocess\./.test(code))).toEqual([]);
  });
});

describe('imports point to earlier stages and leaves only', () => {
  const STAGES = ['args', 'catalogue', 'facts', 'plan', 'rally', 'start', 'takeover', 'watch'];
  const LEAVES = /^src\/(errors\.ts|log\.ts|printable\.ts|world\.ts|wire\/|process\/)/;
  const stageOf = (file: string): string | undefined => /^src\/launch\/([a-z]+)\//.exec(file)?.[1];

  function mayImport(file: string, module: string): boolean {
    if (!module.startsWith('src/') || LEAVES.test(module)) return true;
    if (LEAVES.test(file)) return false;
    const [from, to] = [stageOf(file), stageOf(module)];
    // The command line and the orchestrating files of launch/ are above all stages; of these, launch/ is below cli/.
    if (from === undefined) return file.startsWith('src/launch/') ? module.startsWith('src/launch/') : true;
    if (to === undefined) return false;
    // Facts are gathered for the plan, and ask its pure parts where to look.
    return STAGES.indexOf(to) <= STAGES.indexOf(from) || (from === 'facts' && to === 'plan');
  }

  test('the folders of launch/ are the stages', () => {
    const folders = [...new Set([...SOURCES.keys()].map(stageOf).filter((stage) => stage !== undefined))].sort();
    expect(folders).toEqual(STAGES);
  });

  test.each([...SOURCES])('%s', (file, { imports }) => {
    expect(imports.filter((module) => !mayImport(file, module))).toEqual([]);
  });

  test('what is imported is there', () => {
    const missing = [...SOURCES].flatMap(([file, { imports }]) =>
      imports
        .filter((module) => /^src\/.*\.ts$/.test(module) && !SOURCES.has(module))
        .map((module) => `${file}: ${module}`),
    );
    expect(missing).toEqual([]);
  });
});

describe('error codes', () => {
  test.each(Object.keys(CODES))('%s is used', (code) => {
    const users = where(({ code: text }, file) => file !== 'src/errors.ts' && new RegExp(`["'.]${code}\\b`).test(text));
    expect(users).not.toEqual([]);
  });

  test('no status is 1 or 2 (Python, argparse), and each is a byte', () => {
    for (const status of Object.values(CODES)) {
      expect([1, 2]).not.toContain(status);
      expect(status).toBeGreaterThanOrEqual(0);
      expect(status).toBeLessThan(256);
    }
  });
});

describe('what is in the repository', () => {
  const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0').filter(Boolean);

  test('package-lock.json names no registry', () => {
    expect(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).not.toContain('"resolved"');
  });

  test('no path of a machine of ours', () => {
    const ours = new RegExp(`(?<![\\w.])/(${['work/main', 'work/shared', 'home/[a-z]', 'Users/[A-Za-z]'].join('|')})`);
    const texts = tracked.filter((file) => !/\.(png|svg|gif|woff2?|ico|bin|pb)$/.test(file));
    expect(texts.filter((file) => ours.test(readIfThere(file)))).toEqual([]);
  });
});

/** Somebody may be deleting it right now. */
function readIfThere(file: string): string {
  try {
    return readFileSync(join(ROOT, file), 'utf8');
  } catch {
    return '';
  }
}
