/** Short ways to plan: what was typed and set, on a machine described by facts. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Refusal } from '../../../src/errors.ts';
import { cutArgv } from '../../../src/launch/args/cut.ts';
import { parseFlags } from '../../../src/launch/args/parse-flags.ts';
import { type Env, resolveSettings } from '../../../src/launch/args/settings.ts';
import { parseRuntime } from '../../../src/launch/catalogue/parse.ts';
import { RUN_RUNTIME } from '../../../src/launch/catalogue/run-runtime.ts';
import type { Runtime } from '../../../src/launch/catalogue/schema.ts';
import { buildPlan } from '../../../src/launch/plan/build-plan.ts';
import type { Facts } from '../../../src/launch/plan/facts.ts';
import type { Plan } from '../../../src/launch/plan/plan.ts';

export const RUNTIMES = join(import.meta.dirname, '../../../runtimes');

/** Every runtime that ships, by name. */
export const SHIPPED: ReadonlyMap<string, Runtime> = new Map(
  readdirSync(RUNTIMES)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => [file.replace('.yaml', ''), parseRuntime(readFileSync(join(RUNTIMES, file), 'utf8'), file)]),
);

export const FACTS: Facts = {
  host: { hostname: 'pod-a', fqdn: undefined },
  headIsHere: undefined,
  address: { value: '10.0.0.7', interface: 'eth0', origin: 'env POD_IP' },
  modelDirectory: undefined,
  devices: 0,
  token: { origin: 'env MUSTER_TOKEN', bytes: 32 },
};

export const FILLED = { state: 'filled', fingerprint: 'f'.repeat(64) } as const;

/** One member's situation. Of `argv`, the part before `--` is ours; there need be none. */
export interface Member {
  readonly runtime?: string | Runtime;
  readonly argv?: readonly string[];
  readonly env?: Env;
  readonly facts?: Partial<Facts>;
}

export function planMember({ runtime = 'vllm', argv = [], env = {}, facts = {} }: Member) {
  const { ours, theirs } = cutArgv(argv);
  const { flags, refusals: ofFlags } = parseFlags(ours);
  const { settings, refusals: ofSettings } = resolveSettings(flags, env);
  if (ofFlags.length + ofSettings.length > 0) throw new Error(JSON.stringify([...ofFlags, ...ofSettings]));
  const shipped = typeof runtime === 'string' ? SHIPPED.get(runtime) : runtime;
  return buildPlan({
    command: shipped ? 'launch' : 'run',
    settings,
    env,
    runtime: shipped ?? RUN_RUNTIME.runtime,
    runtimeDirectory: '/opt/muster/runtimes',
    serverArgs: theirs && (theirs.length > 0 || !shipped) ? theirs : undefined,
    facts: { ...FACTS, ...(env.MODEL_DIR ? { modelDirectory: FILLED } : {}), ...facts },
  });
}

export function planOf(member: Member): Plan {
  const planned = planMember(member);
  if ('plan' in planned) return planned.plan;
  throw new Error(`refused: ${planned.refusals.map(({ code, message }) => `${code} ${message}`).join('; ')}`);
}

export function refusalsOf(member: Member): readonly Refusal[] {
  const planned = planMember(member);
  if ('refusals' in planned) return planned.refusals;
  throw new Error('planned, not refused');
}

export const codesOf = (member: Member): string[] => refusalsOf(member).map(({ code }) => code);

/** KServe gives these to the two containers (facts: kserve.md, 3). */
export const KSERVE = {
  head: {
    INFERENCE_SERVICE_NAME: 'qwen',
    MODEL_NAME: 'qwen',
    MODEL_DIR: '/mnt/models',
    PIPELINE_PARALLEL_SIZE: '2',
    TENSOR_PARALLEL_SIZE: '1',
    RAY_NODE_COUNT: '2',
    REQUEST_GPU_COUNT: '1',
    POD_NAME: 'qwen-predictor-6f7d9-x2x4z',
    POD_NAMESPACE: 'team',
    POD_IP: '10.0.0.7',
  },
  worker: {
    ISVC_NAME: 'qwen',
    PIPELINE_PARALLEL_SIZE: '2',
    TENSOR_PARALLEL_SIZE: '1',
    RAY_NODE_COUNT: '2',
    REQUEST_GPU_COUNT: '1',
    HEAD_SVC: 'qwen-head-1',
    WORKER_SVC: 'qwen-workers-1',
    POD_NAME: 'qwen-predictor-worker-5c8d-w7b9q',
    POD_NAMESPACE: 'team',
    POD_IP: '10.0.0.8',
  },
} as const;
