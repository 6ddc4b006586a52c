import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { accountOf, lookAtAccount } from '../../../src/doctor/facts/account.ts';
import { lookAtCgroup } from '../../../src/doctor/facts/cgroup.ts';
import { lookAtDevices } from '../../../src/doctor/facts/devices.ts';
import { mountOf, mountsIn, textAt } from '../../../src/doctor/facts/files.ts';
import { lookAtKernel } from '../../../src/doctor/facts/kernel.ts';
import { lookAtLimits } from '../../../src/doctor/facts/limits.ts';
import { lookAtModelClosely } from '../../../src/doctor/facts/model.ts';
import { lookAtNames, resolverIn } from '../../../src/doctor/facts/names.ts';
import { lookAtShmClosely } from '../../../src/doctor/facts/shared-memory.ts';
import { tree } from './fixture.ts';

const GIB = 1024 ** 3;
const scratch = mkdtempSync(join(tmpdir(), 'doctor-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('what the cgroup allows', () => {
  test.each([
    {
      of: 'cgroup-v2-container',
      want: {
        version: 2,
        memoryLimitBytes: 8 * GIB,
        memoryUsedBytes: GIB,
        cpuQuota: 1.5,
        pidsLimit: 1024,
        pidsUsed: 24,
      },
    },
    {
      of: 'cgroup-v2-parent-is-tighter',
      want: { version: 2, memoryLimitBytes: 4 * GIB, memoryUsedBytes: 2048, cpuQuota: undefined, pidsLimit: undefined },
    },
    {
      of: 'cgroup-v1',
      want: {
        version: 1,
        memoryLimitBytes: 2 * GIB,
        memoryUsedBytes: 1024 ** 2,
        cpuQuota: 0.5,
        pidsLimit: undefined,
        pidsUsed: 7,
      },
    },
    {
      of: 'cgroup-v1-path-not-mounted',
      want: { version: 1, memoryLimitBytes: GIB / 2, memoryUsedBytes: 4096, cpuQuota: undefined },
    },
    { of: 'no-limits', want: { version: undefined, memoryLimitBytes: undefined, cpuQuota: undefined } },
  ])('$of', ({ of, want }) => {
    expect(lookAtCgroup(tree(of))).toMatchObject(want);
  });
});

test.each([
  { of: 'low-limits-and-rdma', want: { files: 1024, lockedBytes: 65_536, processes: 4096 } },
  {
    of: 'no-limits',
    want: { files: 1_048_576, lockedBytes: Number.POSITIVE_INFINITY, processes: Number.POSITIVE_INFINITY },
  },
  { of: 'cgroup-v1', want: { files: undefined, lockedBytes: undefined, processes: undefined } },
])('limits of $of', ({ of, want }) => {
  expect(lookAtLimits(tree(of))).toEqual(want);
});

test.each([
  { of: 'four-gpus', want: { nvidia: 4, nvidiaOnMachine: 4, driver: '550.54.15', amd: 0, rdma: false } },
  { of: 'gpus-of-the-machine-only', want: { nvidia: 0, nvidiaOnMachine: 2, driver: '570.86.15', amd: 0 } },
  { of: 'two-amd-gpus', want: { nvidia: 0, amd: 2, driver: undefined } },
  { of: 'low-limits-and-rdma', want: { nvidia: 0, amd: 0, rdma: true } },
])('devices of $of', ({ of, want }) => {
  expect(lookAtDevices(tree(of))).toMatchObject(want);
});

test.each([
  { of: 'hostname-on-loopback', want: ['127.0.1.1'] },
  { of: 'hostname-in-a-pod', want: ['10.0.0.7'] },
  { of: 'no-limits', want: [] },
])('the host name in /etc/hosts of $of', ({ of, want }) => {
  expect(lookAtNames(tree(of), 'node-a').hostnameInFile).toEqual(want);
});

test.each([
  {
    of: 'resolver-of-a-pod',
    want: {
      servers: ['10.96.0.10'],
      search: ['team.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
      ndots: 5,
    },
  },
  { of: 'resolver-of-a-host', want: { servers: ['192.0.2.53', '192.0.2.54'], search: ['example'], ndots: 1 } },
])('resolv.conf of $of', ({ of, want }) => {
  expect(resolverIn(textAt(tree(of), 'etc/resolv.conf') ?? '')).toEqual(want);
});

test('segments that no process has mapped are told, of known makers and of this user only', () => {
  const uid = process.getuid?.() ?? 0;
  expect(lookAtShmClosely(tree('segments-left'), uid)).toMatchObject({
    type: 'tmpfs',
    writable: true,
    stale: [{ name: 'nccl-AbCdEf', bytes: 17 }],
  });
  expect(lookAtShmClosely(tree('segments-left'), uid + 1)?.stale).toEqual([]);
  expect(lookAtShmClosely(tree('no-limits'), uid)).toBeUndefined();
});

test('the mount of a path is the longest that holds it', () => {
  const mounts = mountsIn(textAt(tree('segments-left'), 'proc/self/mountinfo') ?? '');
  const at = (path: string) => mountOf(mounts, path);
  expect(at('/mnt/my models/llama')).toEqual({ at: '/mnt/my models', type: 'nfs4', readOnly: true });
  expect(at('/mnt/my')).toEqual({ at: '/', type: 'ext4', readOnly: false });
  expect(at('/dev/shm')).toMatchObject({ type: 'tmpfs' });
});

test('the kernel: filter, privileges and PID 1', () => {
  const kernel = lookAtKernel({ root: tree('seccomp-filter'), pid: 7, path: '' });
  expect(kernel).toMatchObject({ seccomp: 2, noNewPrivs: true, first: 'tini', isFirst: false });
  expect(lookAtKernel({ root: tree('no-limits'), pid: 1, path: '' })).toMatchObject({
    seccomp: undefined,
    isFirst: true,
  });
});

test('the account: a name in passwd, and where it may write', () => {
  expect(accountOf(textAt(tree('passwd-without-us'), 'etc/passwd') ?? '', 65_534)).toBe('nobody');
  const { name, places } = lookAtAccount(tree('passwd-without-us'), 4711, {
    HOME: join(scratch, 'not/made/yet'),
    TMPDIR: '/proc',
  });
  expect(name).toBeUndefined();
  expect(places).toMatchObject([
    { name: 'HOME', writable: true },
    { name: 'temp', path: '/proc' },
    { name: 'hub cache', path: join(scratch, 'not/made/yet/.cache/huggingface'), writable: true },
  ]);
});

describe('a model on disk', () => {
  const model = (name: string, files: Readonly<Record<string, string>>): string => {
    const path = mkdtempSync(join(scratch, `${name}-`));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
    return path;
  };
  const index = (...files: string[]) =>
    JSON.stringify({ weight_map: Object.fromEntries(files.map((file, at) => [`w${at}`, file])) });
  const look = (path: string) => lookAtModelClosely(path, '/');

  test('whole: its weights are summed, and the index agrees', () => {
    const path = model('whole', {
      'config.json': '{}',
      'a.safetensors': '12345',
      'b.safetensors': '123',
      'model.safetensors.index.json': index('a.safetensors', 'b.safetensors', 'a.safetensors'),
    });
    expect(look(path)).toMatchObject({
      state: 'filled',
      weights: 2,
      weightBytes: 8,
      indexed: ['a.safetensors', 'b.safetensors'],
      missing: [],
      broken: [],
      unreadable: [],
    });
    expect(look(path).fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(look(path).diskType).toBeDefined();
  });

  test('cut off: missing, empty, unfinished, a pointer of git-lfs, a link to nowhere', () => {
    const path = model('cut', {
      'a.safetensors': 'version https://git-lfs.github.com/spec/v1\nsize 4976698672\n',
      'b.safetensors': '',
      'c.safetensors.incomplete': '123',
      'model.safetensors.index.json': index('a.safetensors', 'b.safetensors', 'c.safetensors', 'd.safetensors'),
    });
    symlinkSync('/nowhere', join(path, 'd.safetensors'));
    const { missing, broken } = look(path);
    expect(missing).toEqual(['c.safetensors', 'd.safetensors']);
    expect(broken.toSorted()).toEqual(['a.safetensors', 'b.safetensors', 'c.safetensors.incomplete']);
  });

  test.each([
    { when: 'no JSON', text: '{"weight_map":' },
    { when: 'no weight_map', text: '{}' },
  ])('an index with $when is told', ({ text }) => {
    expect(look(model('index', { 'model.safetensors.index.json': text })).indexError).toMatch(/./);
  });

  test('not there', () => {
    expect(look(join(scratch, 'nowhere'))).toMatchObject({ state: 'missing', weights: 0, indexed: undefined });
  });
});
