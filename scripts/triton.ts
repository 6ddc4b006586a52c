/**
 * A real Triton on this machine, without a container: the server inside PyPI's nvidia-pytriton wheel, with its Python
 * backend. Installed once into .cache/triton-venv (a minute, 370 MB); then a start takes three seconds.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePorts } from './group.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const PACKAGE = 'nvidia-pytriton==0.7.0';
const MODELS = join(root, 'test/gateway/models');

/** Datatypes with a model `echo_…` of two axes each, by Triton's name for them; `identity` is FP32 of four. */
const ECHOES = {
  bool: 'BOOL', uint8: 'UINT8', uint16: 'UINT16', uint32: 'UINT32', uint64: 'UINT64', int8: 'INT8', int16: 'INT16', int32: 'INT32',
  int64: 'INT64', fp16: 'FP16', fp32: 'FP32', fp64: 'FP64', bytes: 'STRING',
} as const; // biome-ignore format: a table

const ALL = [
  ...readdirSync(MODELS).filter((name) => name !== 'echo'),
  ...Object.keys(ECHOES).map((name) => `echo_${name}`),
  'identity',
];

export interface Triton {
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly pid: number;
  /** At once, as when a machine dies. Resolves when it is gone. */
  kill(): Promise<void>;
}

/** Installs a package into a venv of its own under .cache, once. @returns the venv; throws when pip does */
export function installVenv(name: string, wanted: string): string {
  const venv = join(root, '.cache', name);
  const stamp = join(venv, '.muster-stamp');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return venv;
  process.stderr.write(`setup: installing ${wanted} into .cache/${name} …\n`);
  rmSync(venv, { recursive: true, force: true });
  mkdirSync(dirname(venv), { recursive: true });
  execFileSync(findPython(), ['-m', 'venv', venv], { stdio: ['ignore', 2, 2] });
  execFileSync(join(venv, 'bin', 'pip'), ['install', '--quiet', wanted], { stdio: ['ignore', 2, 2] });
  writeFileSync(stamp, wanted);
  return venv;
}

/** One that the wheel has a stub for. */
function findPython(): string {
  const probe = 'import sys; sys.exit(0 if (3, 10) <= sys.version_info < (3, 14) else 1)';
  const found = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10'].find(
    (each) => spawnSync(each, ['-c', probe]).status === 0,
  );
  if (!found) throw new Error('Triton needs a Python from 3.10 to 3.13 on PATH');
  return found;
}

/** Where the interpreter keeps its library, its version, and its packages. */
function pythonOf(home: string): { library: string; version: string; packages: string } {
  const ask =
    "import sysconfig, json; v = sysconfig.get_config_var; print(json.dumps([v('LIBDIR'), v('py_version_short'), sysconfig.get_path('purelib')]))";
  const [library, version, packages] = JSON.parse(
    execFileSync(join(home, 'bin', 'python'), ['-c', ask], { encoding: 'utf8' }),
  ) as [string, string, string];
  return { library, version, packages };
}

export interface TritonOptions {
  /** To take the place of one that was killed. */
  readonly ports?: readonly [number, number];
  /** Only these; each costs a process of its own. @default all */
  readonly models?: readonly string[];
}

/** Starts it with the models of test/gateway/models and waits until it is ready. */
export async function startTriton({ ports, models = ALL }: TritonOptions = {}): Promise<Triton> {
  const home = installVenv('triton-venv', PACKAGE);
  const { library, version, packages } = pythonOf(home);
  const dir = mkdtempSync(join(tmpdir(), 'triton-'));
  const server = join(packages, 'pytriton', 'tritonserver');
  cpSync(join(server, 'backends', 'python'), join(dir, 'backends', 'python'), { recursive: true });
  const stub = 'triton_python_backend_stub';
  cpSync(join(server, 'python_backend_stubs', version, stub), join(dir, 'backends', 'python', stub));
  writeModels(join(dir, 'models'), models);
  const [httpPort, grpcPort] = ports ?? ((await freePorts(2)) as [number, number]);
  const child = spawn(join(server, 'bin', 'tritonserver'), argsOf(dir, httpPort, grpcPort), {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // with its stubs a family of its own, which ends together
    env: {
      PATH: [join(home, 'bin'), process.env.PATH].join(delimiter),
      LD_LIBRARY_PATH: [join(packages, 'nvidia_pytriton.libs'), library].join(delimiter),
      PYTHONPATH: packages,
    },
  });
  const log: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => log.push(String(text)));
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = async () => {
    endFamily(child);
    await gone;
    rmSync(dir, { recursive: true, force: true });
    // Who is killed leaves its shared memory behind.
    for (const name of readdirSync('/dev/shm'))
      if (name.startsWith(basename(dir))) rmSync(join('/dev/shm', name), { force: true });
  };
  await ready(child, httpPort, () => log.join('').slice(-4_000)).catch(async (error) => {
    await kill();
    throw error;
  });
  return { httpPort, grpcPort, pid: child.pid ?? 0, kill };
}

const argsOf = (dir: string, httpPort: number, grpcPort: number): string[] => [
  `--model-repository=${join(dir, 'models')}`,
  `--backend-directory=${join(dir, 'backends')}`,
  '--http-address=127.0.0.1',
  '--grpc-address=127.0.0.1',
  `--http-port=${httpPort}`,
  `--grpc-port=${grpcPort}`,
  '--allow-metrics=false',
  '--backend-config=python,shm-default-byte-size=8388608',
  `--backend-config=python,shm-region-prefix-name=${basename(dir)}`,
  '--exit-timeout-secs=1',
];

function endFamily(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // gone already
  }
}

function writeModels(to: string, models: readonly string[]): void {
  for (const name of models) {
    const datatype = ECHOES[name.replace('echo_', '') as keyof typeof ECHOES];
    if (name === 'identity') writeEcho(join(to, name), 'FP32', 4);
    else if (datatype) writeEcho(join(to, name), datatype, 2);
    else cpSync(join(MODELS, name), join(to, name), { recursive: true });
  }
}

function writeEcho(to: string, datatype: string, axes: number): void {
  cpSync(join(MODELS, 'echo'), to, { recursive: true });
  const dims = Array.from({ length: axes }, () => -1).join(', ');
  const tensor = (name: string) => `[{ name: "${name}" data_type: TYPE_${datatype} dims: [ ${dims} ] }]`;
  const config = `backend: "python"\nmax_batch_size: 0\ninput ${tensor('IN')}\noutput ${tensor('OUT')}\ninstance_group [{ kind: KIND_CPU }]\n`;
  writeFileSync(join(to, 'config.pbtxt'), config);
}

async function ready(child: ChildProcess, port: number, said: () => string): Promise<void> {
  for (const until = Date.now() + 120_000; Date.now() < until; await sleep(100)) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`tritonserver ended:\n${said()}`);
    if (await answers(port)) return;
  }
  throw new Error(`tritonserver was not ready within 120 s:\n${said()}`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path: '/v2/health/ready', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).once('error', () => resolve(false));
  });
}
