import { describe, expect, test } from 'vitest';
import { parseFlags } from '../../../src/launch/args/parse-flags.ts';
import { type Env, resolveSettings } from '../../../src/launch/args/settings.ts';
import { firstHost, type HostNames } from '../../../src/launch/plan/topology/detectors.ts';
import { resolveTopology } from '../../../src/launch/plan/topology/resolve.ts';
import { KSERVE } from './fixture.ts';

interface Machine {
  readonly env?: Env;
  readonly flags?: readonly string[];
  readonly host?: Partial<HostNames>;
  readonly headIsHere?: boolean;
}

function resolve({ env = {}, flags = [], host = {}, headIsHere }: Machine) {
  const { settings, refusals } = resolveSettings(parseFlags(flags).flags, env);
  expect(refusals).toEqual([]);
  return resolveTopology({ settings, env, host: { hostname: 'node7', fqdn: undefined, ...host }, headIsHere });
}

/** `scheduler size role rank head member`, with - for what is not known. */
function place(machine: Machine): string {
  const { topology, refusals } = resolve(machine);
  expect(refusals).toEqual([]);
  const { scheduler, worldSize, role, rank, headAddress, member } = topology!;
  return [scheduler, worldSize.value, role.value, rank?.value ?? '-', headAddress?.value ?? '-', member.value].join(
    ' ',
  );
}

const ordinal = (name: string) => ({ hostname: name, fqdn: `${name}.vllm.team.svc.cluster.local` });
const lws = (index: string) => ({
  LWS_LEADER_ADDRESS: 'vllm-0.vllm.team',
  LWS_GROUP_SIZE: '4',
  LWS_WORKER_INDEX: index,
  POD_NAME: `vllm-0-${index}`,
});
const slurm = (more: Env) => ({
  SLURM_PROCID: '1',
  SLURM_NTASKS: '4',
  SLURM_JOB_NODELIST: 'gpu[03-05,09],cpu1',
  ...more,
});

describe('one row a scheduler: its environment → size, role, rank, head, member', () => {
  test.each<Machine & { who: string; want: string }>([
    { who: 'nobody', want: 'none 1 head 0 - node7' },
    { who: 'KServe, head', env: KSERVE.head, want: 'kserve 2 head 0 - qwen-predictor-6f7d9-x2x4z' },
    {
      who: 'KServe, worker',
      env: KSERVE.worker,
      want: 'kserve 2 worker - qwen-head-1.team.svc qwen-predictor-worker-5c8d-w7b9q',
    },
    {
      who: 'KServe, worker that does not know its namespace',
      env: { RAY_NODE_COUNT: '2', HEAD_SVC: 'qwen-head-1' },
      want: 'kserve 2 worker - qwen-head-1 node7',
    },
    {
      who: 'KServe in mp mode: nodes = pipeline',
      env: {
        ...KSERVE.worker,
        PIPELINE_PARALLEL_SIZE: '3',
        TENSOR_PARALLEL_SIZE: '8',
        RAY_NODE_COUNT: '3',
        POD_NAME: 'w',
      },
      want: 'kserve 3 worker - qwen-head-1.team.svc w',
    },
    { who: 'KServe with one node', env: { RAY_NODE_COUNT: '1' }, want: 'kserve 1 head 0 - node7' },
    { who: 'LWS, leader', env: lws('0'), want: 'leaderworkerset 4 head 0 vllm-0.vllm.team vllm-0-0' },
    { who: 'LWS, worker', env: lws('3'), want: 'leaderworkerset 4 worker 3 vllm-0.vllm.team vllm-0-3' },
    {
      who: 'KServe on LWS',
      env: { ...lws('1'), RAY_NODE_COUNT: '' },
      want: 'leaderworkerset 4 worker 1 vllm-0.vllm.team vllm-0-1',
    },
    {
      who: 'StormService, head',
      env: { POD_GROUP_INDEX: '0', POD_GROUP_SIZE: '2' },
      want: 'stormservice 2 head 0 - node7',
    },
    {
      who: 'StormService, worker',
      env: { POD_GROUP_INDEX: '1', POD_GROUP_SIZE: '2' },
      flags: ['--head-address=storm-0'],
      want: 'stormservice 2 worker 1 storm-0 node7',
    },
    {
      who: 'Indexed Job',
      env: { JOB_COMPLETION_INDEX: '2' },
      flags: ['--world-size=3'],
      host: ordinal('job-2'),
      want: 'indexed-job 3 worker 2 job-0.vllm.team.svc.cluster.local job-2',
    },
    {
      who: 'Indexed Job, head without a fully qualified name',
      env: { JOB_COMPLETION_INDEX: '0' },
      flags: ['--world-size=3'],
      host: { hostname: 'job-0' },
      want: 'indexed-job 3 head 0 - job-0',
    },
    {
      who: 'StatefulSet',
      env: { KUBERNETES_SERVICE_HOST: '10.96.0.1' },
      flags: ['--world-size=12'],
      host: ordinal('vllm-11'),
      want: 'statefulset 12 worker 11 vllm-0.vllm.team.svc.cluster.local vllm-11',
    },
    {
      who: 'a host called name-3 outside of Kubernetes',
      flags: ['--world-size=4', '--role=head'],
      host: { hostname: 'name-3' },
      want: 'none 4 head 0 - name-3',
    },
    { who: 'Slurm', env: slurm({}), want: 'slurm 4 worker 1 gpu03 node7-1' },
    { who: 'Slurm with MASTER_ADDR', env: slurm({ MASTER_ADDR: 'login' }), want: 'slurm 4 worker 1 login node7-1' },
    {
      who: 'Slurm, a step on fewer nodes than the job',
      env: slurm({ SLURM_STEP_NUM_TASKS: '2', SLURM_STEP_NODELIST: 'gpu04' }),
      want: 'slurm 2 worker 1 gpu04 node7-1',
    },
    {
      who: 'Slurm with an empty step list',
      env: slurm({ SLURM_STEP_NODELIST: '' }),
      want: 'slurm 4 worker 1 gpu03 node7-1',
    },
    {
      who: 'Slurm with the old names',
      env: { SLURM_PROCID: '0', SLURM_NPROCS: '2', SLURM_NODELIST: 'a,b' },
      want: 'slurm 2 head 0 a node7-0',
    },
    {
      who: 'Slurm that starts ranks by PMIx',
      env: slurm({ PMIX_RANK: '1' }),
      want: 'slurm 4 worker 1 gpu03 node7-1',
    },
    {
      who: 'Open MPI',
      env: { OMPI_COMM_WORLD_RANK: '1', OMPI_COMM_WORLD_SIZE: '2', MASTER_ADDR: 'a' },
      want: 'mpi 2 worker 1 a node7-1',
    },
    {
      who: 'PMIx, which does not say the size',
      env: { PMIX_RANK: '1', MASTER_ADDR: 'a' },
      flags: ['--world-size=2'],
      want: 'mpi 2 worker 1 a node7-1',
    },
    { who: 'PMI', env: { PMI_RANK: '0', PMI_SIZE: '2' }, want: 'mpi 2 head 0 - node7-0' },
    {
      who: 'SkyPilot',
      env: { SKYPILOT_NODE_RANK: '1', SKYPILOT_NUM_NODES: '2', SKYPILOT_NODE_IPS: '\n10.0.0.1\n10.0.0.2\n' },
      want: 'skypilot 2 worker 1 10.0.0.1 node7',
    },
    {
      who: 'KServe before everything below it',
      env: { ...KSERVE.head, SLURM_PROCID: '1', SLURM_NTASKS: '4', POD_NAME: 'p' },
      want: 'kserve 2 head 0 - p',
    },
  ])('$who → $want', ({ want, ...machine }) => {
    expect(place(machine)).toBe(want);
  });

  test('each value says where it comes from', () => {
    const { topology } = resolve({ env: KSERVE.worker });
    expect(topology).toMatchObject({
      worldSize: { origin: 'env RAY_NODE_COUNT' },
      role: { origin: 'env HEAD_SVC' },
      headAddress: { origin: 'env HEAD_SVC' },
      member: { origin: 'env POD_NAME' },
    });
    expect(resolve({ env: slurm({}) }).topology).toMatchObject({
      headAddress: { origin: 'first of the Slurm node list' },
      rank: { origin: 'env SLURM_PROCID' },
      member: { origin: 'host name and SLURM_PROCID' },
    });
  });
});

test.each([
  { list: 'gpu01', want: 'gpu01' },
  { list: 'gpu01,gpu02', want: 'gpu01' },
  { list: 'gpu[03-05,09],cpu1', want: 'gpu03' },
  { list: 'gpu[7]', want: 'gpu7' },
  { list: 'gpu[1-2].cluster,x', want: 'gpu1.cluster' },
  { list: 'r[1-2,5]n[3-4],x', want: 'r1n3' },
  { list: 'a,b[1-2]', want: 'a' },
  { list: '', want: undefined },
])('first host of $list → $want', ({ list, want }) => {
  expect(firstHost(list)).toBe(want);
});

describe('explicit options overrule the scheduler, field by field', () => {
  test.each<Machine & { when: string; want: string }>([
    { when: '--world-size', flags: ['--world-size=8'], want: 'leaderworkerset 8 worker 3 vllm-0.vllm.team vllm-0-3' },
    { when: '--rank', flags: ['--rank=2'], want: 'leaderworkerset 4 worker 2 vllm-0.vllm.team vllm-0-3' },
    { when: '--rank 0', flags: ['--rank=0'], want: 'leaderworkerset 4 head 0 vllm-0.vllm.team vllm-0-3' },
    { when: '--role worker', flags: ['--role=worker'], want: 'leaderworkerset 4 worker - vllm-0.vllm.team vllm-0-3' },
    { when: '--role head', flags: ['--role=head'], want: 'leaderworkerset 4 head 0 vllm-0.vllm.team vllm-0-3' },
    { when: '--head-address', flags: ['--head-address=h'], want: 'leaderworkerset 4 worker 3 h vllm-0-3' },
    { when: '--member', flags: ['--member=me'], want: 'leaderworkerset 4 worker 3 vllm-0.vllm.team me' },
  ])('$when → $want', ({ flags = [], want }) => {
    expect(place({ env: lws('3'), flags })).toBe(want);
  });

  test('numbers that the scheduler garbles do not matter once size and place are given', () => {
    const env = { ...KSERVE.worker, RAY_NODE_COUNT: 'two' };
    expect(place({ env, flags: ['--world-size=2', '--role=worker', '--member=w'] })).toBe(
      'kserve 2 worker - qwen-head-1.team.svc w',
    );
  });
});

describe('who is the head when nobody has a rank', () => {
  const flags = ['--world-size=2', '--head-address=gpu-0'];
  test.each<Machine & { when: string; want: string }>([
    { when: 'the head address is of this machine', flags, headIsHere: true, want: 'none 2 head 0 gpu-0 node7' },
    { when: 'it is of another', flags, headIsHere: false, want: 'none 2 worker - gpu-0 node7' },
    {
      when: 'a role is given',
      flags: [...flags, '--role=worker'],
      headIsHere: true,
      want: 'none 2 worker - gpu-0 node7',
    },
    { when: 'a rank is given', flags: [...flags, '--rank=1'], headIsHere: true, want: 'none 2 worker 1 gpu-0 node7' },
    {
      when: 'the group has one member',
      flags: ['--world-size=1', '--head-address=gpu-0'],
      want: 'none 1 head 0 gpu-0 node7',
    },
  ])('$when → $want', ({ want, ...machine }) => {
    expect(place(machine)).toBe(want);
  });
});

describe('contradictions are refused with both values', () => {
  test.each<Machine & { when: string; code?: string; says: string[] }>([
    {
      when: 'rank ≥ size',
      flags: ['--world-size=2', '--rank=2', '--head-address=h'],
      says: ['rank 2 (flag --rank)', '2 (flag --world-size)'],
    },
    { when: 'the scheduler says so', env: lws('4'), says: ['rank 4 (env LWS_WORKER_INDEX)', '4 (env LWS_GROUP_SIZE)'] },
    {
      when: 'a worker is alone',
      flags: ['--role=worker', '--head-address=h'],
      says: ['worker (flag --role)', 'group of 1'],
    },
    {
      when: 'KServe gives a worker one node',
      env: { HEAD_SVC: 'h', RAY_NODE_COUNT: '1' },
      says: ['worker (env HEAD_SVC)'],
    },
    {
      when: 'rank 0 is a worker',
      flags: ['--world-size=2', '--rank=0', '--role=worker', '--head-address=h'],
      says: ['role is worker (flag --role)', 'rank is 0 (flag --rank)'],
    },
    {
      when: 'rank 1 is the head',
      flags: ['--world-size=2', '--rank=1', '--role=head'],
      says: ['role is head', 'rank is 1'],
    },
    { when: 'the size is 0', env: { RAY_NODE_COUNT: '0' }, says: ['world size is 0 (env RAY_NODE_COUNT)'] },
    {
      when: 'a worker knows no head',
      flags: ['--world-size=2', '--rank=1'],
      code: 'TOPOLOGY_UNKNOWN',
      says: ['where the head is'],
    },
    {
      when: 'the size is not known',
      env: { JOB_COMPLETION_INDEX: '0' },
      code: 'TOPOLOGY_UNKNOWN',
      says: ['indexed-job does not say how many'],
    },
    {
      when: 'KServe says no size',
      env: { HEAD_SVC: 'h' },
      code: 'TOPOLOGY_UNKNOWN',
      says: ['kserve does not say how many'],
    },
    {
      when: 'nothing says who is head',
      flags: ['--world-size=2'],
      code: 'TOPOLOGY_UNKNOWN',
      says: ['a group of 2 (flag --world-size)'],
    },
    { when: 'a size is garbage', env: { RAY_NODE_COUNT: '2x' }, says: ['RAY_NODE_COUNT is "2x"'] },
    { when: 'a rank is negative', env: lws('-1'), says: ['LWS_WORKER_INDEX is "-1"'] },
    { when: 'a rank has too many digits', env: lws('1234567'), says: ['LWS_WORKER_INDEX is "1234567"'] },
  ])('$when → $says', ({ code = 'TOPOLOGY_INVALID', says, ...machine }) => {
    const { topology, refusals } = resolve(machine);
    expect(topology).toBeUndefined();
    expect(refusals.map((each) => each.code)).toContain(code);
    for (const words of says) expect(refusals.map(({ message }) => message).join('\n')).toContain(words);
  });

  test('all at once', () => {
    const { refusals } = resolve({ flags: ['--world-size=1', '--rank=3', '--role=head'] });
    expect(refusals).toHaveLength(2);
  });
});
