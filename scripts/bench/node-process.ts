/** Node processes that serve a port and say which: a gateway before Triton, an echo. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { MUSTER, root } from '../group.ts';
import type { Triton } from '../triton.ts';

export interface Server {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

export const startGateway = ({ grpcPort }: Pick<Triton, 'grpcPort'>, ...argv: string[]): Promise<Server> =>
  started(
    [
      MUSTER[1],
      'gateway',
      '--model_name=*',
      `--predictor_host=127.0.0.1:${grpcPort}`,
      '--predictor_protocol=grpc-v2',
      '--http_port=0',
      '--drain_seconds=0',
      ...argv,
    ],
    / on port (\d+)/,
    'stderr',
  );

/** A Node process that says its port on a line of its own. */
export async function started(argv: readonly string[], says: RegExp, where: 'stdout' | 'stderr'): Promise<Server> {
  const child: ChildProcess = spawn(process.execPath, [...argv], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child[where] as NodeJS.ReadableStream }).on('line', (line) => {
      const said = says.exec(line)?.[1];
      if (said) resolve(Number(said));
    });
    child.once('exit', () => reject(new Error(`${argv[0]} ended before it said its port`)));
  });
  const stop = async () => {
    child.kill('SIGTERM');
    await gone;
  };
  return { port, pid: child.pid ?? 0, stop };
}
