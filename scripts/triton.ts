/**
 * A real Triton on this machine, without a container: the server inside PyPI's nvidia-pytriton wheel, with its Python
 * backend. Installed once into .cache/triton-venv (a minute, 370 MB); then a start takes three seconds.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { freePorts, root } from './group.ts';
import { installVenv, type Running, startServer } from './servers.ts';

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

export interface Triton extends Running {
  readonly httpPort: number;
  readonly grpcPort: number;
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
  const env = {
    PATH: [join(home, 'bin'), process.env.PATH].join(delimiter),
    LD_LIBRARY_PATH: [join(packages, 'nvidia_pytriton.libs'), library].join(delimiter),
    PYTHONPATH: packages,
  };
  const program = join(server, 'bin', 'tritonserver');
  const args = argsOf(dir, httpPort, grpcPort);
  const started = startServer({
    what: 'tritonserver',
    program,
    args,
    cwd: dir,
    env,
    httpPort,
    path: '/v2/health/ready',
  });
  const { pid, kill } = await started.catch((error) => {
    sweep(dir);
    throw error;
  });
  return { httpPort, grpcPort, pid, kill: () => kill().then(() => sweep(dir)) };
}

function sweep(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
  // Who is killed leaves its shared memory behind.
  for (const name of readdirSync('/dev/shm'))
    if (name.startsWith(basename(dir))) rmSync(join('/dev/shm', name), { force: true });
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
