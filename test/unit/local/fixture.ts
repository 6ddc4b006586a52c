/** A group, and how a member of it looks from outside, with what a test wants different. */
import type { StatusJson } from '../../../src/launch/watch/status-report.ts';
import type { Group } from '../../../src/local/group.ts';
import type { Sight } from '../../../src/local/sight.ts';

export const GROUP: Group = {
  name: 'g',
  life: 'f00d',
  members: 3,
  image: 'somebody/server:1',
  like: 'kserve',
  runtime: 'vllm',
  serverArgs: ['--tensor-parallel-size=3', 'a b', '$HOME'],
  modelDir: '/models/llm',
  runtimes: [],
  env: {},
  memoryBytes: undefined,
  cpus: undefined,
  shmBytes: 3 * 1024 ** 3,
  gpus: 0,
  server: { inside: 8000, here: 9000 },
  probePort: 7601,
  stopSeconds: 30,
};

export function report(fields: Partial<StatusJson> = {}): StatusJson {
  return { v: 1, phase: 'joined', phaseMs: 0, rank: 0, generation: 1, ready: { yes: false }, ...fields } as StatusJson;
}

export function sight(ordinal: number, fields: Partial<Sight> = {}): Sight {
  return {
    id: `id-${ordinal}`,
    name: `g-${ordinal}`,
    marks: {
      group: 'g',
      ordinal,
      size: 3,
      runtime: 'vllm',
      address: `172.18.0.${ordinal + 2}`,
      aliases: [],
      probePort: 7601,
      serverPort: ordinal === 0 ? 8000 : undefined,
    },
    state: 'running',
    connected: true,
    exit: undefined,
    restarts: 0,
    ports: { probe: 32_000 + ordinal, server: ordinal === 0 ? 9000 : undefined },
    report: report({ rank: ordinal }),
    ...fields,
  };
}

/** One that ended, so many milliseconds after the epoch. */
export const ended = (ordinal: number, status: number, endedMs: number): Sight =>
  sight(ordinal, { state: 'exited', exit: { status, endedMs, outOfMemory: false }, report: undefined });
