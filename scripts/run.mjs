/**
 * Runs one of the project's tasks after installing what it needs. Works as the first thing typed after the clone: it
 * uses nothing but Node (20 or newer) itself, and says what it does while it does it.
 *
 *   node scripts/run.mjs TASK [ARGS…]
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');
const venv = join(root, '.venv');
const path = [bin, join(venv, 'bin'), process.env.PATH ?? ''].join(delimiter);

const TASKS = {
  setup: { needs: ['packages', 'python', 'build'], run: undefined },
  /** Like build, but only when it is stale, and installs nothing: what the tests ask for. */
  dist: { needs: ['build'], run: undefined },
  build: { needs: ['packages'], run: ['node', 'scripts/build.ts'] },
  demo: { needs: ['packages', 'python', 'build'], run: ['node', 'scripts/demo.ts'] },
  test: { needs: ['packages', 'python', 'build'], run: ['vitest', 'run'], tiers: ['unit', 'wire', 'process'] },
  'test:slow': {
    needs: ['packages', 'python', 'build'],
    run: ['vitest', 'run', '--passWithNoTests'],
    tiers: ['image', 'browser', 'gateway', 'soak'],
  },
  bench: { needs: ['packages', 'python', 'build'], run: ['node', 'scripts/bench.ts'] },
  engine: { needs: ['packages'], run: ['node', 'scripts/engine.ts'] },
  docs: { needs: ['packages'], run: ['node', 'scripts/docs.ts'] },
  types: { needs: ['packages'], run: ['tsc', '-p', '.'], also: ['tsc', '-p', 'web'] },
  lint: { needs: ['packages'], run: ['biome', 'check', '.'] },
};

const say = (text) => process.stderr.write(`setup: ${text}\n`);

/** A failure we foresaw: says what to do, and leaves with 69. */
function give(up, next) {
  process.stderr.write(`setup: ${up}\n→ ${next}\n`);
  process.exit(69);
}

function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(file).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

function filesBelow(...folders) {
  const walk = (folder) =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const name = `${folder}/${entry.name}`;
      return entry.isDirectory() ? walk(name) : [name];
    });
  return folders.flatMap((folder) => (statSync(join(root, folder)).isDirectory() ? walk(folder) : [folder])).sort();
}

/** Does `work` unless it was done with the same inputs; the stamp is written last, so a broken try is done again. */
function once(what, stamp, inputs, work) {
  const wanted = hashOf(inputs);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  const from = Date.now();
  say(`${what} …`);
  work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
  say(`${what}: done in ${((Date.now() - from) / 1000).toFixed(1)} s`);
}

/** Its output is shown only when it fails: a failed install is all the user wants to read then. */
function must(argv, next, options = {}) {
  const [program, ...args] = argv;
  const result = spawnSync(program, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  if (result.status === 0) return result.stdout ?? '';
  process.stderr.write(
    `${result.stdout ?? ''}${result.stderr ?? ''}${result.error ? `${result.error.message}\n` : ''}`,
  );
  return give(
    `\`${argv.join(' ')}\` failed (${result.error?.code ?? `status ${result.status ?? result.signal}`})`,
    next,
  );
}

const NEEDS = {
  packages() {
    const stamp = join(root, 'node_modules', '.muster-stamp');
    once('installing npm packages, Node 24 among them', stamp, ['package-lock.json'], () => {
      // The npm that runs us, else the one on PATH.
      const npm = process.env.npm_execpath?.endsWith('.js') ? [process.execPath, process.env.npm_execpath] : ['npm'];
      must([...npm, 'ci', '--no-audit', '--no-fund'], 'Check that the npm registry can be reached (npm ping).');
      const node = spawnSync(join(bin, 'node'), ['--version'], { encoding: 'utf8' });
      if (node.status !== 0) {
        give(
          `the installed Node 24 does not start: ${node.stderr || node.error?.message}`,
          'On a minimal Debian: apt-get install libstdc++6.',
        );
      }
    });
  },
  python() {
    const requirements = 'runtimes/demo/requirements.txt';
    once('installing Ray and numpy into .venv', join(venv, '.muster-stamp'), [requirements], () => {
      rmSync(venv, { recursive: true, force: true });
      must(
        [findPython(), '-m', 'venv', venv],
        'Python needs its venv module. On Debian: apt-get install python3-venv.',
      );
      must(
        [join(venv, 'bin', 'pip'), 'install', '--quiet', '-r', requirements],
        'Check that PyPI can be reached (pip download numpy).',
      );
    });
  },
  build() {
    const inputs = filesBelow(
      'src',
      'web',
      'runtimes',
      'scripts/build.ts',
      'scripts/slim.ts',
      'package.json',
      'package-lock.json',
    ).filter((file) => !file.includes('__pycache__') && file !== 'runtimes/schema.json');
    once('building dist/', join(root, 'dist', '.muster-stamp'), inputs, () =>
      must([join(bin, 'node'), 'scripts/build.ts'], 'Mend what the message above names.', {
        env: { ...process.env, PATH: path },
      }),
    );
  },
};

/** The newest python3 that is 3.10 or later. */
function findPython() {
  const candidates = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10'];
  const probe = 'import sys; sys.exit(0 if sys.version_info >= (3, 10) else 1)';
  return (
    candidates.find((python) => spawnSync(python, ['-c', probe]).status === 0) ??
    give('there is no Python 3.10 or newer on PATH', 'On Debian: apt-get install python3 python3-venv.')
  );
}

const [name = '', ...args] = process.argv.slice(2);
const task = TASKS[name] ?? give(`there is no task "${name}"`, `There are: ${Object.keys(TASKS).join(', ')}.`);
for (const need of task.needs) NEEDS[need]();
const env = { ...process.env, PATH: path };
const chosen = args.some((arg) => arg.startsWith('--project'))
  ? []
  : (task.tiers ?? []).map((tier) => `--project=${tier}`);
for (const argv of [task.run, task.also]) {
  if (argv === undefined || process.exitCode) continue;
  const [program, ...rest] = [...argv, ...chosen, ...args];
  const result = spawnSync(join(bin, program), rest, { cwd: root, stdio: 'inherit', env });
  process.exitCode = result.status ?? 1;
}
