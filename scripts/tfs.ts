/**
 * The wire of TensorFlow Serving without TensorFlow Serving, which no package index has: TensorFlow itself runs SavedModels and
 * writes the messages. From PyPI into .cache/tfs-venv (half a minute, 1.1 GB), without what it imports only when asked.
 */
import { execFile } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts, root } from './group.ts';
import { installVenv, type Running, startServer } from './servers.ts';

/** What `import tensorflow` and its messages need; pip would add Keras, TensorBoard and a second TensorFlow. */
const PACKAGES = [
  '--no-deps',
  'tensorflow-cpu==2.21.0',
  'tensorflow-serving-api==2.21.0',
  'absl-py==2.5.1',
  'astunparse==1.6.3',
  'certifi==2026.10.18',
  'charset-normalizer==3.5.2',
  'flatbuffers==25.12.19',
  'gast==0.7.0',
  'google-pasta==0.2.0',
  'grpcio==1.85.1',
  'idna==3.20',
  'ml_dtypes==0.6.0',
  'numpy==2.4.6',
  'opt_einsum==3.4.0',
  'packaging==26.3',
  'protobuf==7.36.2',
  'requests==2.34.2',
  'six==1.17.0',
  'termcolor==3.3.0',
  'typing_extensions==4.16.0',
  'urllib3==2.8.0',
  'wrapt==2.5.2',
];
const run = promisify(execFile);
const PEERS = join(root, 'test/gateway/peers');

export interface Tfs extends Running {
  readonly grpcPort: number;
}

function python(): string {
  const home = installVenv('tfs-venv', ...PACKAGES);
  // 290 MB of C++ headers.
  for (const version of readdirSync(join(home, 'lib')))
    rmSync(join(home, 'lib', version, 'site-packages/tensorflow/include'), { recursive: true, force: true });
  return join(home, 'bin/python');
}

/**
 * What TensorFlow's own client gets from a gateway, by test/gateway/peers/tfs_client.py.
 *
 * @param scene which of its questions
 * @returns what it printed
 */
export async function askAsTfs(scene: string, grpcPort: number): Promise<string> {
  const { stdout } = await run(python(), [join(PEERS, 'tfs_client.py'), scene, String(grpcPort)]);
  return stdout;
}

/** Starts it with the models of test/gateway/peers/tfs_oracle.py and waits until it is ready (five seconds). */
export async function startTfs(): Promise<Tfs> {
  const [httpPort, grpcPort] = (await freePorts(2)) as [number, number];
  const server = await startServer({
    what: 'the oracle of TensorFlow Serving',
    program: python(),
    args: [join(PEERS, 'tfs_oracle.py'), `--grpc_port=${grpcPort}`, `--http_port=${httpPort}`],
    httpPort,
    path: '/',
  });
  return { ...server, grpcPort };
}
