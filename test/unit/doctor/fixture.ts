/** A healthy member to change one thing of, and the trees of files that stand for machines. */
import { join } from 'node:path';
import type { Facts } from '../../../src/doctor/facts.ts';
import type { Needs } from '../../../src/doctor/needs.ts';

export const tree = (name: string): string => join(import.meta.dirname, '../../fixtures/doctor', name);

const GIB = 1024 ** 3;

/** A worker of two, with four of eight shards. */
export const NEEDS: Needs = {
  engine: 'ray',
  worldSize: 2,
  role: 'worker',
  headAddress: 'head.vllm',
  address: '10.0.0.8',
  interface: 'eth0',
  kind: 'gpu',
  shards: 8,
  shardsHere: 4,
  ports: [{ use: 'probe', port: 7601, origin: 'default', option: '--probe-port' }],
  modelDir: '/mnt/models',
  fromHub: false,
  program: undefined,
  takeover: 'supervise',
};

export const HEALTHY: Facts = {
  needs: NEEDS,
  env: { HOME: '/root' },
  refusals: [],
  notes: [],
  devices: { nvidia: 4, nvidiaOnMachine: 8, driver: '550.54.15', amd: 0, closed: [], rdma: false },
  shm: { sizeBytes: 8 * GIB, freeBytes: 8 * GIB, type: 'tmpfs', writable: true, stale: [] },
  limits: { files: 1_048_576, lockedBytes: Number.POSITIVE_INFINITY, processes: 100_000 },
  cgroup: {
    version: 2,
    memoryLimitBytes: 64 * GIB,
    memoryUsedBytes: GIB,
    cpuQuota: 16,
    pidsLimit: 32_768,
    pidsUsed: 20,
  },
  ports: { planned: NEEDS.ports.map((port) => ({ port, state: true })), musterRuns: false },
  network: {
    hostname: 'vllm-0-1',
    hostnameInFile: ['10.0.0.8'],
    hostnameAnswers: { name: 'vllm-0-1', addresses: ['10.0.0.8'], error: undefined, tookMs: 1 },
    head: { name: 'head.vllm', addresses: ['10.0.0.7'], error: undefined, tookMs: 3 },
    resolver: { servers: ['10.96.0.10'], search: ['team.svc.cluster.local', 'svc.cluster.local'], ndots: 5 },
    interfaces: [{ name: 'eth0', addresses: ['10.0.0.8'], mtu: 1500 }],
  },
  clock: { from: '10.0.0.7:7601', skewMs: 40 },
  model: {
    path: '/mnt/models',
    state: 'filled',
    fingerprint: 'ab'.repeat(32),
    weightBytes: 16 * GIB,
    weights: 4,
    indexed: ['a', 'b', 'c', 'd'],
    indexError: undefined,
    missing: [],
    broken: [],
    unreadable: [],
    diskType: 'ext4',
    readOnly: true,
  },
  software: {
    program: undefined,
    ray: { name: 'ray', file: '/usr/bin/ray', version: '2.58.0', missing: undefined },
    packages: { vllm: '0.11.0' },
  },
  account: {
    uid: 0,
    name: 'root',
    places: [
      { name: 'HOME', path: '/root', writable: true, disk: { sizeBytes: 100 * GIB, freeBytes: 50 * GIB } },
      { name: 'temp', path: '/tmp', writable: true, disk: { sizeBytes: 100 * GIB, freeBytes: 50 * GIB } },
      { name: 'hub cache', path: '/srv/hub', writable: true, disk: { sizeBytes: 100 * GIB, freeBytes: 50 * GIB } },
    ],
  },
  kernel: {
    release: '6.8.0',
    arch: 'x64',
    seccomp: 2,
    noNewPrivs: true,
    hasExecve: true,
    first: 'tini',
    isFirst: false,
    tini: '/usr/bin/tini',
  },
};
