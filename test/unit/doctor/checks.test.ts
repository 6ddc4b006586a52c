import { describe, expect, test } from 'vitest';
import { CHECKS, examine } from '../../../src/doctor/checks.ts';
import type { Facts } from '../../../src/doctor/facts.ts';
import type { Level } from '../../../src/doctor/finding.ts';
import { HEALTHY, NEEDS } from './fixture.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

test('a healthy member has nothing but ok', () => {
  expect(examine(HEALTHY).filter(({ level }) => level !== 'ok')).toEqual([]);
});

test('each finding carries the name of its check, and what is wrong says what to do', () => {
  for (const [name, check] of Object.entries(CHECKS)) for (const each of check(HEALTHY)) expect(each.check).toBe(name);
});

interface Case {
  readonly when: string;
  readonly change: Partial<Facts>;
  readonly level: Level;
  readonly check: string;
  readonly says: RegExp;
  /** What to do. */
  readonly next?: RegExp;
}

/** The one finding that is not ok, in words. */
function expectOnly({ change, level, check, says, next = /./ }: Case): void {
  const odd = examine({ ...HEALTHY, ...change }).filter((each) => each.level !== 'ok');
  expect(odd).toMatchObject([{ level, check }]);
  const [{ subject, value, unit, wanted, next: done } = odd[0]!] = odd;
  expect(`${subject}: ${value} ${unit} (${wanted})`).toMatch(says);
  expect(done).toMatch(next);
}

const needs = (change: Partial<Facts['needs']>) => ({ needs: { ...NEEDS, ...change } });
const of = <K extends keyof Facts>(name: K, change: Partial<NonNullable<Facts[K]>>) =>
  ({ [name]: { ...(HEALTHY[name] as object), ...change } }) as unknown as Partial<Facts>;

describe('what is not as it should be, one thing at a time', () => {
  test.each<Case>([
    {
      when: 'the plan is refused',
      change: { refusals: [{ code: 'MODEL_UNSET', message: 'neither', hint: 'Set it.' }] },
      level: 'fail',
      check: 'plan',
      says: /^MODEL_UNSET: neither/,
      next: /^Set it\.$/,
    },
    {
      when: 'the plan warns',
      change: { notes: ['no token'] },
      level: 'warn',
      check: 'plan',
      says: /note of the plan: no token/,
      next: /^$/,
    },

    {
      when: 'too few GPUs',
      change: of('devices', { nvidia: 2 }),
      level: 'fail',
      check: 'devices',
      says: /GPUs: 2 .*4: 8 shards over 2 members/,
      next: /nvidia\.com\/gpu/,
    },
    {
      when: 'GPUs of the machine are not in the container',
      change: of('devices', { nvidia: 0 }),
      level: 'fail',
      check: 'devices',
      says: /GPUs: 0/,
      next: /machine has 8, but none is in this container/,
    },
    {
      when: 'no driver at all',
      change: of('devices', { nvidia: 0, nvidiaOnMachine: 0, driver: undefined }),
      level: 'fail',
      check: 'devices',
      says: /GPUs: 0/,
      next: /device plugin/,
    },
    {
      when: 'CUDA_VISIBLE_DEVICES is empty',
      change: { env: { HOME: '/', CUDA_VISIBLE_DEVICES: '' } },
      level: 'fail',
      check: 'devices',
      says: /CUDA_VISIBLE_DEVICES: "" .*at least 4/,
      next: /hides every GPU/,
    },
    {
      when: 'CUDA_VISIBLE_DEVICES names fewer',
      change: { env: { HOME: '/', CUDA_VISIBLE_DEVICES: '0,1' } },
      level: 'fail',
      check: 'devices',
      says: /"0,1"/,
      next: /name 4/,
    },
    {
      when: 'AMD devices may not be opened',
      change: of('devices', { nvidia: 0, amd: 4, closed: ['/dev/kfd'] }),
      level: 'fail',
      check: 'devices',
      says: /\/dev\/kfd/,
      next: /supplementalGroups/,
    },

    {
      when: 'Docker gave 64 MiB',
      change: of('shm', { sizeBytes: 64 * MIB, freeBytes: 64 * MIB }),
      level: 'warn',
      check: 'shm',
      says: /\/dev\/shm size: 64 MiB .*more than 64 MiB/,
      next: /medium: Memory, sizeLimit: 3Gi/,
    },
    { when: 'there is no /dev/shm', change: { shm: undefined }, level: 'fail', check: 'shm', says: /\/dev\/shm: null/ },
    {
      when: '/dev/shm may not be written',
      change: of('shm', { writable: false }),
      level: 'fail',
      check: 'shm',
      says: /may not be written/,
    },
    {
      when: '/dev/shm is full',
      change: of('shm', { freeBytes: 5 * MIB }),
      level: 'warn',
      check: 'shm',
      says: /free: 5 MiB/,
    },
    {
      when: '/dev/shm is on a disk',
      change: of('shm', { type: undefined }),
      level: 'warn',
      check: 'shm',
      says: /no mount of its own/,
    },
    {
      when: 'a few segments were left',
      change: of('shm', { stale: [{ name: 'nccl-a', bytes: MIB }] }),
      level: 'note',
      check: 'shm',
      says: /no process has mapped: 1 MiB/,
      next: /nccl-a/,
    },
    {
      when: 'many segments were left',
      change: of('shm', {
        stale: [
          { name: 'nccl-a', bytes: GIB },
          { name: 'psm_b', bytes: GIB },
        ],
      }),
      level: 'warn',
      check: 'shm',
      says: /2048 MiB/,
      next: /nccl-a, psm_b/,
    },

    {
      when: 'few files',
      change: of('limits', { files: 1024 }),
      level: 'warn',
      check: 'limits',
      says: /nofile, hard\): 1024/,
      next: /--ulimit nofile=65536/,
    },
    {
      when: 'fewer files than KubeRay asks for',
      change: of('limits', { files: 20_000 }),
      level: 'note',
      check: 'limits',
      says: /20000/,
    },
    {
      when: 'RDMA without memlock',
      change: { ...of('limits', { lockedBytes: 64 * 1024 }), ...of('devices', { rdma: true }) },
      level: 'warn',
      check: 'limits',
      says: /0\.1 MiB .*unlimited/,
      next: /memlock=-1/,
    },
    {
      when: 'few processes are left in the cgroup',
      change: of('cgroup', { pidsLimit: 500, pidsUsed: 100 }),
      level: 'warn',
      check: 'limits',
      says: /pids\.max 500\): 400/,
      next: /podPidsLimit/,
    },

    {
      when: 'a CPU model is larger than the memory',
      change: { ...needs({ kind: 'cpu', shards: 2, shardsHere: 1 }), ...of('cgroup', { memoryLimitBytes: 4 * GIB }) },
      level: 'fail',
      check: 'memory',
      says: /cgroup v2\): 4096 MiB .*8192 MiB/,
      next: /limits\.memory/,
    },
    {
      when: 'a GPU model is larger than the page cache may be',
      change: of('cgroup', { memoryLimitBytes: 4 * GIB }),
      level: 'note',
      check: 'memory',
      says: /8192 MiB/,
      next: /slower, not fail/,
    },
    {
      when: 'hardly any CPU',
      change: of('cgroup', { cpuQuota: 0.5 }),
      level: 'warn',
      check: 'memory',
      says: /CPU quota: 0\.5 CPUs/,
      next: /limits\.cpu/,
    },

    {
      when: 'the model directory is gone',
      change: of('model', { state: 'missing' }),
      level: 'fail',
      check: 'model',
      says: /\/mnt\/models: does not exist/,
      next: /storageUri/,
    },
    {
      when: 'the download was cut off',
      change: of('model', { missing: ['d.safetensors'] }),
      level: 'fail',
      check: 'model',
      says: /missing: d\.safetensors/,
      next: /Fetch the model again/,
    },
    {
      when: 'git-lfs was not there',
      change: of('model', { broken: ['a', 'b', 'c', 'd', 'e'] }),
      level: 'fail',
      check: 'model',
      says: /pointer: a, b, c, d and 1 more/,
      next: /git lfs pull/,
    },
    {
      when: 'weights of another user',
      change: of('model', { unreadable: ['a'] }),
      level: 'fail',
      check: 'model',
      says: /uid 0 may not read: a/,
      next: /fsGroup/,
    },
    {
      when: 'the index is garbled',
      change: of('model', { indexError: 'Unexpected end' }),
      level: 'fail',
      check: 'model',
      says: /index of the weights: Unexpected end/,
    },
    {
      when: 'the model comes over the network',
      change: of('model', { diskType: 'nfs4' }),
      level: 'note',
      check: 'model',
      says: /nfs4/,
      next: /--ready-timeout/,
    },
    {
      when: 'no room for a model of the hub',
      change: {
        ...needs({ fromHub: true, modelDir: undefined }),
        model: undefined,
        account: {
          ...HEALTHY.account,
          places: [{ name: 'hub cache', path: '/c', writable: true, disk: { sizeBytes: GIB, freeBytes: GIB } }],
        },
      },
      level: 'warn',
      check: 'model',
      says: /hub cache, \/c: 1024 MiB/,
      next: /HF_HOME/,
    },

    {
      when: 'the image has no ray',
      change: of('software', {
        ray: {
          name: 'ray',
          file: undefined,
          version: undefined,
          missing: { message: 'there is no `ray` on PATH', hint: 'Use native.' },
        },
      }),
      level: 'fail',
      check: 'software',
      says: /no `ray` on PATH/,
      next: /Use native/,
    },
    {
      when: 'the version of ray is not known',
      change: of('software', { ray: { name: 'ray', file: '/x/ray', version: undefined, missing: undefined } }),
      level: 'note',
      check: 'software',
      says: /of unknown version/,
    },
    {
      when: 'the server is not installed',
      change: of('software', {
        program: {
          name: 'vllm',
          file: undefined,
          missing: { message: 'vllm is in no directory of PATH', hint: 'Check the image.' },
        },
      }),
      level: 'fail',
      check: 'software',
      says: /vllm is in no directory/,
      next: /Check the image/,
    },

    {
      when: 'the port is taken',
      change: of('ports', {
        planned: [
          { port: NEEDS.ports[0]!, state: { why: 'in-use', owner: { pid: 7, command: 'nginx --api-key=abcdef' } } },
        ],
      }),
      level: 'fail',
      check: 'ports',
      says: /probe port 7601 \(default\): taken by process 7: nginx --api-key=\*\*\*/,
      next: /--probe-port/,
    },
    {
      when: 'the port is taken by the launch that runs here',
      change: { ports: { musterRuns: true, planned: [{ port: NEEDS.ports[0]!, state: { why: 'in-use' } }] } },
      level: 'note',
      check: 'ports',
      says: /cannot be seen/,
      next: /its own launch/,
    },
    {
      when: 'the port is privileged',
      change: of('ports', { planned: [{ port: NEEDS.ports[0]!, state: { why: 'not-permitted' } }] }),
      level: 'fail',
      check: 'ports',
      says: /above 1023/,
    },

    {
      when: 'the head has no name',
      change: needs({ headAddress: undefined }),
      level: 'fail',
      check: 'head',
      says: /address of the head: null/,
      next: /--head-address/,
    },
    {
      when: 'the name does not resolve',
      change: of('network', { head: { name: 'head.vllm', addresses: [], error: 'ENOTFOUND', tookMs: 2 } }),
      level: 'fail',
      check: 'head',
      says: /does not resolve \(ENOTFOUND\)/,
      next: /publishNotReadyAddresses/,
    },
    {
      when: 'the name leads to several machines',
      change: of('network', {
        head: { name: 'head.vllm', addresses: ['10.0.0.7', '10.0.0.9'], error: undefined, tookMs: 2 },
      }),
      level: 'warn',
      check: 'head',
      says: /10\.0\.0\.7, 10\.0\.0\.9/,
      next: /headless/,
    },
    {
      when: 'the name leads to ourselves by loopback',
      change: of('network', { head: { name: 'head.vllm', addresses: ['127.0.1.1'], error: undefined, tookMs: 2 } }),
      level: 'fail',
      check: 'head',
      says: /127\.0\.1\.1/,
      next: /\/etc\/hosts/,
    },
    {
      when: 'the lookup goes through the search domains',
      change: of('network', { head: { name: 'head.vllm', addresses: ['10.0.0.7'], error: undefined, tookMs: 2_000 } }),
      level: 'warn',
      check: 'head',
      says: /lookup of head\.vllm: 2000 ms/,
      next: /ndots is 5: 2 search domains/,
    },
    {
      when: 'the head is behind a cluster IP',
      change: {
        ...needs({ role: 'head' }),
        ...of('network', { head: { name: 'head.vllm', addresses: ['10.96.0.5'], error: undefined, tookMs: 2 } }),
      },
      level: 'warn',
      check: 'head',
      says: /10\.96\.0\.5 .*this is the head/,
      next: /forwards only the ports it lists/,
    },

    {
      when: 'a worker takes the name of the head for its own',
      change: of('network', { head: { name: 'head.vllm', addresses: ['10.0.0.8'], error: undefined, tookMs: 2 } }),
      level: 'warn',
      check: 'head',
      says: /10\.0\.0\.8 .*this is a worker/,
      next: /a name of its own/,
    },
    {
      when: 'our address is loopback',
      change: needs({ address: '127.0.0.1' }),
      level: 'fail',
      check: 'address',
      says: /127\.0\.0\.1/,
      next: /POD_IP/,
    },
    {
      when: 'our address is on no interface',
      change: needs({ address: '10.9.9.9' }),
      level: 'fail',
      check: 'address',
      says: /10\.9\.9\.9/,
      next: /\(10\.0\.0\.8\)/,
    },
    {
      when: 'packets are small',
      change: of('network', { interfaces: [{ name: 'eth0', addresses: ['10.0.0.8'], mtu: 900 }] }),
      level: 'warn',
      check: 'address',
      says: /MTU of eth0: 900 bytes/,
    },
    {
      when: 'we speak IPv6 only, and the head IPv4',
      change: {
        ...needs({ address: 'fd00::8' }),
        ...of('network', { interfaces: [{ name: 'eth0', addresses: ['fd00::8'], mtu: 1500 }] }),
      },
      level: 'fail',
      check: 'address',
      says: /IPv6 only .*IPv4, as the head/,
    },
    {
      when: 'everybody speaks IPv6 only',
      change: {
        ...needs({ address: 'fd00::8' }),
        ...of('network', {
          head: { name: 'head.vllm', addresses: ['fd00::7'], error: undefined, tookMs: 1 },
          interfaces: [{ name: 'eth0', addresses: ['fd00::8'], mtu: 1500 }],
        }),
      },
      level: 'note',
      check: 'address',
      says: /IPv6 only/,
      next: /NCCL_SOCKET_FAMILY=AF_INET6/,
    },

    {
      when: 'the host name is loopback',
      change: of('network', {
        hostnameInFile: ['127.0.1.1'],
        hostnameAnswers: { name: 'h', addresses: ['127.0.1.1'], error: undefined, tookMs: 1 },
      }),
      level: 'warn',
      check: 'hostname',
      says: /vllm-0-1: 127\.0\.1\.1/,
      next: /in \/etc\/hosts/,
    },
    {
      when: 'the host name does not resolve',
      change: of('network', {
        hostnameInFile: [],
        hostnameAnswers: { name: 'h', addresses: [], error: 'ENOTFOUND', tookMs: 1 },
      }),
      level: 'note',
      check: 'hostname',
      says: /does not resolve/,
      next: /hostAliases/,
    },

    {
      when: 'the clocks differ',
      change: of('clock', { skewMs: -93_000 }),
      level: 'warn',
      check: 'clock',
      says: /-93 s/,
      next: /chrony/,
    },
    {
      when: 'the head does not run yet',
      change: of('clock', { skewMs: undefined }),
      level: 'note',
      check: 'clock',
      says: /nobody answers at 10\.0\.0\.7:7601/,
      next: /^$/,
    },

    {
      when: 'a proxy catches the members',
      change: { env: { HOME: '/', http_proxy: 'http://p:3128' } },
      level: 'warn',
      check: 'environment',
      says: /http_proxy: set, and no_proxy does not name head\.vllm,10\.0\.0\.8/,
      next: /no_proxy=head\.vllm,10\.0\.0\.8/,
    },
    {
      when: 'an interface is named that is not here',
      change: { env: { HOME: '/', NCCL_SOCKET_IFNAME: 'bond0' } },
      level: 'fail',
      check: 'environment',
      says: /NCCL_SOCKET_IFNAME: "bond0"/,
      next: /lo, eth0/,
    },
    {
      when: 'something is preloaded',
      change: { env: { HOME: '/', LD_PRELOAD: '/x.so' } },
      level: 'note',
      check: 'environment',
      says: /\/x\.so/,
    },
    {
      when: 'NCCL talks',
      change: { env: { HOME: '/', NCCL_DEBUG: 'INFO' } },
      level: 'note',
      check: 'environment',
      says: /NCCL_DEBUG: INFO/,
    },
    {
      when: 'another Ray is named, and this launch starts its own',
      change: { env: { HOME: '/', RAY_ADDRESS: '1.2.3.4:6379' } },
      level: 'note',
      check: 'environment',
      says: /RAY_ADDRESS/,
    },
    {
      when: 'another Ray is named, and this launch starts none',
      change: { ...needs({ engine: 'native' }), env: { HOME: '/', RAY_ADDRESS: '1.2.3.4:6379' } },
      level: 'warn',
      check: 'environment',
      says: /not set/,
      next: /Unset it/,
    },
    {
      when: 'Node has options',
      change: { env: { HOME: '/', NODE_OPTIONS: '--inspect' } },
      level: 'note',
      check: 'environment',
      says: /NODE_OPTIONS: set/,
    },

    {
      when: 'the user has no name',
      change: of('account', { uid: 65_532, name: undefined }),
      level: 'warn',
      check: 'account',
      says: /uid 65532, which \/etc\/passwd does not know/,
      next: /Set USER/,
    },
    {
      when: 'the user has no entry, but USER',
      change: { ...of('account', { name: undefined }), env: { HOME: '/', USER: 'x' } },
      level: 'note',
      check: 'account',
      says: /passwd/,
      next: /^$/,
    },
    {
      when: 'there is no HOME',
      change: { env: {} },
      level: 'warn',
      check: 'account',
      says: /HOME: null/,
      next: /Set HOME/,
    },
    {
      when: 'Ray has no place for its files',
      change: of('account', { places: [{ name: 'temp', path: '/tmp', writable: false, disk: undefined }] }),
      level: 'fail',
      check: 'account',
      says: /temp, \/tmp: may not be written/,
      next: /emptyDir/,
    },
    {
      when: 'the temp directory is full',
      change: of('account', {
        places: [{ name: 'temp', path: '/tmp', writable: true, disk: { sizeBytes: GIB, freeBytes: MIB } }],
      }),
      level: 'warn',
      check: 'account',
      says: /free: 1 MiB/,
      next: /RAY_TMPDIR/,
    },

    {
      when: 'muster is PID 1 without tini',
      change: of('kernel', { isFirst: true, tini: undefined }),
      level: 'warn',
      check: 'kernel',
      says: /no tini on PATH/,
      next: /docker run --init/,
    },
    {
      when: 'PID 1 may not reap',
      change: of('kernel', { first: 'bash' }),
      level: 'note',
      check: 'kernel',
      says: /PID 1: bash/,
      next: /zombies/,
    },
    {
      when: 'seccomp is strict',
      change: of('kernel', { seccomp: 1 }),
      level: 'fail',
      check: 'kernel',
      says: /seccomp: strict/,
      next: /RuntimeDefault/,
    },
    {
      when: 'this Node cannot replace itself',
      change: { ...needs({ takeover: 'exec' }), ...of('kernel', { hasExecve: false }) },
      level: 'fail',
      check: 'kernel',
      says: /process\.execve/,
      next: /supervise/,
    },
  ])('$when → $level $check', expectOnly);
});

describe('what is fine after all', () => {
  test.each<{ when: string; change: Partial<Facts> }>([
    {
      when: 'a small /dev/shm, and one shard without Ray',
      change: {
        ...needs({ engine: 'none', worldSize: 1, shards: 1, shardsHere: 1 }),
        ...of('shm', { sizeBytes: 64 * MIB, freeBytes: 64 * MIB }),
      },
    },
    {
      when: 'no GPU, and a runtime that computes on CPUs',
      change: { ...needs({ kind: 'cpu' }), ...of('devices', { nvidia: 0 }) },
    },
    {
      when: 'a proxy that spares the members by name and network',
      change: { env: { HOME: '/', https_proxy: 'http://p:3128', NO_PROXY: '.vllm,10.0.0.0/8' } },
    },
    {
      when: 'a proxy that spares everybody',
      change: { env: { HOME: '/', HTTP_PROXY: 'http://p:3128', no_proxy: '*' } },
    },
    { when: 'NCCL takes names by their beginning', change: { env: { HOME: '/', NCCL_SOCKET_IFNAME: 'eth' } } },
    { when: 'NCCL leaves some out', change: { env: { HOME: '/', NCCL_SOCKET_IFNAME: '^docker,lo' } } },
    {
      when: 'a host name on loopback, and a group on one machine',
      change: {
        ...needs({ headAddress: '127.0.0.1', address: '127.0.0.1', role: 'head' }),
        ...of('network', { head: undefined, hostnameInFile: ['127.0.0.1'] }),
      },
    },
    { when: 'memlock of a machine without RDMA', change: of('limits', { lockedBytes: 64 * 1024 }) },
    {
      when: 'no limit of the cgroup',
      change: of('cgroup', {
        version: undefined,
        memoryLimitBytes: undefined,
        cpuQuota: undefined,
        pidsLimit: undefined,
      }),
    },
    {
      when: 'a head that nobody named',
      change: { ...needs({ role: 'head', headAddress: undefined }), ...of('network', { head: undefined }) },
    },
  ])('$when', ({ change }) => {
    const bad = examine({ ...HEALTHY, ...change }).filter(({ level }) => level === 'warn' || level === 'fail');
    expect(bad).toEqual([]);
  });

  test('Gloo takes whole names only', () => {
    const env = { HOME: '/', GLOO_SOCKET_IFNAME: 'eth' };
    expect(examine({ ...HEALTHY, env }).filter(({ level }) => level === 'fail')).toMatchObject([
      { subject: 'GLOO_SOCKET_IFNAME' },
    ]);
  });

  test('the model that the plan refused already is not refused again', () => {
    const refusals = [{ code: 'MODEL_DIR_MISSING', message: 'm', hint: 'h' }] as const;
    const facts = { ...HEALTHY, refusals, ...of('model', { state: 'missing' }) };
    expect(examine(facts).filter(({ level }) => level === 'fail')).toHaveLength(1);
  });
});
