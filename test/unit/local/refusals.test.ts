/** Everything that `up` refuses before anything is made, and what Docker's own refusals become. */
import { describe, expect, test } from 'vitest';
import { CODES } from '../../../src/errors.ts';
import { checkCapacity, type Machine, shareOfGpus } from '../../../src/local/capacity.ts';
import { chooseGroup, type GroupSettings } from '../../../src/local/choose-group.ts';
import { foresee } from '../../../src/local/foresee.ts';
import { type DockerError, refusalOf } from '../../../src/local/refusals.ts';
import { SHIPPED } from '../plan/fixture.ts';
import { GROUP } from './fixture.ts';

const runtime = SHIPPED.get('demo')!;

describe('what was typed', () => {
  const choose = (settings: Readonly<Record<string, unknown>>, env = {}) => {
    const sourced = Object.entries({ image: 'i', ...settings }).map(([name, value]) => [
      name,
      { value, origin: `flag --${name}` },
    ]);
    const typed = { runtime, serverArgs: undefined, env, cwd: '/here', life: 'f00d' };
    return chooseGroup({ ...typed, settings: Object.fromEntries(sourced) as GroupSettings });
  };

  test('nothing but an image: two members called after the runtime, like KServe', () => {
    const { group, refusals } = choose({});
    expect(refusals).toEqual([]);
    expect(group).toMatchObject({ name: 'demo', members: 2, like: 'kserve', shmBytes: 3 * 2 ** 30, gpus: 0 });
  });

  test('paths are made absolute; --env NAME passes ours on', () => {
    const { group } = choose({ 'model-dir': 'm', runtimes: 'a:/b', env: ['X=1=2', 'HF_TOKEN'] }, { HF_TOKEN: 's' });
    expect(group).toMatchObject({ modelDir: '/here/m', runtimes: ['/here/a', '/b'], env: { X: '1=2', HF_TOKEN: 's' } });
  });

  test.each([
    { given: { image: undefined }, says: /no image is named/ },
    { given: { name: 'Big_One' }, says: /name is "Big_One"/ },
    { given: { name: `a${'b'.repeat(40)}` }, says: /up to 40/ },
    { given: { memory: 'lots' }, says: /--memory is "lots"/ },
    { given: { memory: '1k' }, says: /--memory is "1k"/ },
    { given: { shm: '5' }, says: /--shm is "5"/ },
    { given: { cpus: '0' }, says: /--cpus is "0"/ },
    { given: { cpus: 'two' }, says: /--cpus is "two"/ },
    { given: { env: ['NOT_SET_HERE'] }, says: /--env NOT_SET_HERE is not set here/ },
  ])('$given → refused', ({ given, says }) => {
    const named = 'image' in given ? {} : given;
    const { refusals } = 'image' in given ? withoutImage() : choose(named);
    expect(refusals).toEqual([expect.objectContaining({ code: 'USAGE', message: expect.stringMatching(says) })]);
  });

  const withoutImage = () =>
    chooseGroup({ settings: {}, runtime, serverArgs: undefined, env: {}, cwd: '/', life: 'f00d' });

  test('all at once, and no value of a variable is said back', () => {
    const { refusals } = choose({ name: '-', memory: 'x', env: ['=geheim', '1A=geheim'] });
    expect(refusals).toHaveLength(4);
    expect(JSON.stringify(refusals)).not.toContain('geheim');
  });
});

describe('what the members would refuse is refused before there are any', () => {
  const ask = (group: Partial<typeof GROUP>, imageEnv = {}) =>
    foresee({
      group: { ...GROUP, runtime: 'demo', modelDir: undefined, serverArgs: ['--tensor-parallel-size=3'], ...group },
      runtime,
      imageEnv,
      model: undefined,
      port: undefined,
    });

  test('a plan that holds: its ports and its grace', () => {
    expect(ask({})).toMatchObject({
      group: { server: { inside: 8080, here: 8080 }, probePort: 7601, stopSeconds: 15 },
    });
    expect(ask({ serverArgs: ['--port=9', '--tensor-parallel-size=3'] })).toMatchObject({
      group: { server: { inside: 9 } },
    });
    expect(ask({ env: { MUSTER_PROBE_PORT: '7777' } })).toMatchObject({ group: { probePort: 7777 } });
  });

  test('a group of one is followed too', () => {
    const group = { ...GROUP, runtime: 'demo-native', modelDir: undefined, members: 1, serverArgs: [] };
    const native = SHIPPED.get('demo-native')!;
    expect(foresee({ group, runtime: native, imageEnv: {}, model: undefined, port: 9 })).toMatchObject({
      group: { server: { inside: 8080, here: 9 } },
    });
  });

  test.each([
    {
      when: 'too many shards',
      group: { serverArgs: ['--tensor-parallel-size=8'] },
      imageEnv: {},
      code: 'PARALLEL_SIZE',
    },
    {
      when: 'a wrong variable of the user',
      group: { env: { MUSTER_LEASE: 'x' } },
      imageEnv: {},
      code: 'CONFIG_INVALID',
    },
    {
      when: 'members without a probe port',
      group: { env: { MUSTER_PROBE_PORT: '0' } },
      imageEnv: {},
      code: 'CONFIG_INVALID',
    },
    {
      when: 'a server that replaces muster',
      group: { env: { MUSTER_TAKEOVER: 'exec' } },
      imageEnv: {},
      code: 'CONFIG_INVALID',
    },
    { when: 'a wrong variable of the image', group: {}, imageEnv: { MUSTER_LEASE: 'x' }, code: 'CONFIG_INVALID' },
    {
      when: 'a worker that differs',
      group: { like: 'lws', env: { LWS_WORKER_INDEX: '3' } },
      imageEnv: {},
      code: 'TOPOLOGY_INVALID',
    },
  ] as const)('$when → $code', ({ group, imageEnv, code }) => {
    expect(ask(group, imageEnv)).toMatchObject({ refusals: [{ code }] });
  });
});

describe('what the machine can hold', () => {
  const machine: Machine = { memoryBytes: 8 * 2 ** 30, freeDiskBytes: 2 ** 30, directory: '/var/lib/docker', gpus: 2 };
  const codes = (group: Partial<typeof GROUP>, less: Partial<Machine> = {}) =>
    checkCapacity({ ...GROUP, ...group }, { ...machine, ...less }, 120 * 2 ** 20).map(({ code }) => code);

  test.each([
    { when: 'three members without a limit', group: {}, less: {}, want: [] },
    { when: '17 members, at half a gigabyte each', group: { members: 17 }, less: {}, want: ['MEMORY_SHORT'] },
    { when: 'three of 3 GiB', group: { memoryBytes: 3 * 2 ** 30 }, less: {}, want: ['MEMORY_SHORT'] },
    { when: 'a GPU each', group: { gpus: 1 }, less: {}, want: ['DEVICES_SHORT'] },
    { when: 'a full disk', group: {}, less: { freeDiskBytes: 100 * 2 ** 20 }, want: ['DISK_FULL'] },
    { when: 'a disk that cannot be seen', group: {}, less: { freeDiskBytes: undefined }, want: [] },
    {
      when: 'all of it',
      group: { members: 64, gpus: 1 },
      less: { freeDiskBytes: 0 },
      want: ['MEMORY_SHORT', 'DEVICES_SHORT', 'DISK_FULL'],
    },
  ])('$when → $want', ({ group, less, want }) => expect(codes(group, less)).toEqual(want));

  test('GPUs are shared equally', () => {
    expect([shareOfGpus(4, 8), shareOfGpus(3, 8), shareOfGpus(4, 2)]).toEqual([2, 2, 0]);
  });
});

describe("Docker's own words", () => {
  const doing = { at: 'unix:///var/run/docker.sock', installed: true, what: 'start g-0' };
  const server = (message: string, statusCode = 500): DockerError => ({
    statusCode,
    message: `(HTTP code ${statusCode}) server error - ${message}`,
  });

  test.each([
    { error: { code: 'ENOENT', message: 'x' }, installed: false, code: 'DOCKER_ABSENT', status: 69 },
    { error: { code: 'ENOENT', message: 'x' }, installed: true, code: 'DOCKER_DOWN', status: 69 },
    { error: { code: 'ECONNREFUSED', message: 'x' }, installed: true, code: 'DOCKER_DOWN', status: 69 },
    { error: { message: 'no answer within 10000 ms' }, installed: true, code: 'DOCKER_DOWN', status: 69 },
    { error: { code: 'EACCES', message: 'x' }, installed: true, code: 'DOCKER_DENIED', status: 77 },
    { error: server('No such image: a:1', 404), installed: true, code: 'IMAGE_MISSING', status: 66 },
    {
      error: server(
        'driver failed programming external connectivity on endpoint g-0: Bind for 127.0.0.1:8080 failed: port is already allocated',
      ),
      installed: true,
      code: 'PORT_TAKEN',
      status: 78,
    },
    {
      error: server('listen tcp4 127.0.0.1:8080: bind: address already in use'),
      installed: true,
      code: 'PORT_TAKEN',
      status: 78,
    },
    {
      error: server('Conflict. The container name "/g-0" is already in use by container "abc"', 409),
      installed: true,
      code: 'NAME_TAKEN',
      status: 78,
    },
    {
      error: server('network with name muster-g already exists', 409),
      installed: true,
      code: 'NAME_TAKEN',
      status: 78,
    },
    {
      error: server('write /opt/muster/muster: no space left on device'),
      installed: true,
      code: 'DISK_FULL',
      status: 74,
    },
    {
      error: server('could not select device driver "nvidia" with capabilities: [[gpu]]'),
      installed: true,
      code: 'DEVICES_SHORT',
      status: 78,
    },
    { error: server('something new'), installed: true, code: 'DOCKER_FAILED', status: 71 },
  ])('$error.message → $code', ({ error, installed, code, status }) => {
    const refusal = refusalOf(error, { ...doing, installed });
    expect(refusal.code).toBe(code);
    expect(CODES[refusal.code]).toBe(status);
    expect(refusal.message).not.toContain('HTTP code');
    expect(`${refusal.message}${refusal.hint}`).not.toContain('\n');
  });

  test('never 125: that may be the status of a server', () => {
    expect(Object.values(CODES)).not.toContain(125);
  });
});
