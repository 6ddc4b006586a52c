/** KServe's own Python server, from PyPI into .cache/kserve-venv (half a minute to a minute and a half, 450 MB). */
import { join } from 'node:path';
import { freePorts } from './group.ts';
import { installVenv, type Running, startServer } from './servers.ts';

const PACKAGE = 'kserve==0.21.0';

export interface Kserve extends Running {
  readonly httpPort: number;
  readonly grpcPort: number;
}

/** Runs a program that calls `ModelServer().start(…)`, with KServe's own flags. */
export async function startKserve(program: string, ...flags: string[]): Promise<Kserve> {
  const home = installVenv('kserve-venv', PACKAGE);
  const [httpPort, grpcPort] = (await freePorts(2)) as [number, number];
  const ports = [`--http_port=${httpPort}`, `--grpc_port=${grpcPort}`];
  const server = await startServer({
    what: "KServe's server",
    program: join(home, 'bin/python'),
    args: [program, ...ports, ...flags],
    httpPort,
    path: '/v2/health/live',
  });
  return { ...server, httpPort, grpcPort };
}
