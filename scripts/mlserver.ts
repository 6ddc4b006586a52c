/** MLServer, from PyPI into .cache/mlserver-venv (half a minute to a minute and a half, 330 MB). */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePorts } from './group.ts';
import { installVenv, type Running, startServer } from './servers.ts';

const PACKAGE = 'mlserver==1.7.1';

export interface MlServer extends Running {
  readonly httpPort: number;
  readonly grpcPort: number;
}

/** What a model-settings.json holds beside the name and the class. */
export interface MlModel {
  /** The class, in the file. */
  readonly type: string;
  readonly inputs?: readonly object[];
  readonly outputs?: readonly object[];
}

/** @param file Python with classes that are models */
export async function startMlServer(file: string, models: Readonly<Record<string, MlModel>>): Promise<MlServer> {
  const home = installVenv('mlserver-venv', PACKAGE);
  const dir = mkdtempSync(join(tmpdir(), 'mlserver-'));
  const [httpPort, grpcPort, metricsPort] = (await freePorts(3)) as [number, number, number];
  cpSync(file, join(dir, 'peer_models.py'));
  const write = (to: string, settings: object) => writeFileSync(to, JSON.stringify(settings));
  write(join(dir, 'settings.json'), {
    ...{ host: '127.0.0.1', http_port: httpPort, grpc_port: grpcPort, metrics_port: metricsPort },
    ...{ parallel_workers: 0, gzip_enabled: false },
  });
  for (const [name, { type, ...rest }] of Object.entries(models)) {
    mkdirSync(join(dir, name));
    write(join(dir, name, 'model-settings.json'), { name, implementation: `peer_models.${type}`, ...rest });
  }
  const env = { ...process.env, PYTHONPATH: dir, PATH: [join(home, 'bin'), process.env.PATH].join(delimiter) };
  const program = join(home, 'bin/mlserver');
  const args = ['start', dir];
  const sweep = () => rmSync(dir, { recursive: true, force: true });
  const started = startServer({ what: 'MLServer', program, args, cwd: dir, env, httpPort, path: '/v2/health/ready' });
  const { pid, kill } = await started.catch((error) => {
    sweep();
    throw error;
  });
  return { httpPort, grpcPort, pid, kill: () => kill().then(sweep) };
}
