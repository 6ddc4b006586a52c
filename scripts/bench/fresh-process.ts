/** Wall and CPU of whole processes, as the kernel counts them: wait4 of a small Python helper, for Node has none. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface Cost {
  readonly wallMs: number;
  /** user + system, of the process and the children it waited for. */
  readonly cpuMs: number;
  readonly status: number;
}

const HELPER = `
import json, os, sys, time
argv = sys.argv[1:]
null = os.open(os.devnull, os.O_RDWR)
fds = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
start = time.perf_counter()
pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=fds)
_, status, used = os.wait4(pid, 0)
wall = time.perf_counter() - start
print(json.dumps({'wallMs': wall * 1e3, 'cpuMs': (used.ru_utime + used.ru_stime) * 1e3,
                  'status': os.waitstatus_to_exitcode(status)}))
`;

/** Runs `argv` once, its output thrown away. */
export async function cost(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Cost> {
  const { stdout } = await promisify(execFile)('python3', ['-c', HELPER, ...argv], { env });
  return JSON.parse(stdout) as Cost;
}

/** `rounds` costs of each, the order turned by one each round so that none is always first. */
export async function alternate<Name extends string>(
  contestants: Readonly<Record<Name, readonly string[]>>,
  rounds: number,
): Promise<Record<Name, Cost[]>> {
  const names = Object.keys(contestants) as Name[];
  const costs = Object.fromEntries(names.map((name) => [name, [] as Cost[]])) as Record<Name, Cost[]>;
  for (let round = 0; round < rounds; round += 1)
    for (let i = 0; i < names.length; i += 1) {
      const name = names[(round + i) % names.length] as Name;
      costs[name].push(await cost(contestants[name]));
    }
  return costs;
}
