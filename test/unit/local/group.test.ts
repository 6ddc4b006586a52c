/** One group, described once: to Docker and to compose alike. */
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseFlags } from '../../../src/launch/args/parse-flags.ts';
import { resolveSettings } from '../../../src/launch/args/settings.ts';
import { detect } from '../../../src/launch/plan/topology/detectors.ts';
import { composeOf } from '../../../src/local/compose.ts';
import { composeText } from '../../../src/local/compose-text.ts';
import { containerOf, endpointOf, networkOf, ownName } from '../../../src/local/container.ts';
import { type Group, type Member, membersOf } from '../../../src/local/group.ts';
import { memberLabels, readMarks } from '../../../src/local/labels.ts';
import { GROUP } from './fixture.ts';

const member = (group: Partial<Group>, ordinal: number): Member => membersOf({ ...GROUP, ...group })[ordinal]!;

describe('the environment is the one that a cluster gives, and muster reads it as such', () => {
  test.each([
    { like: 'kserve', ordinal: 0, role: 'head', rank: undefined, size: 3 },
    { like: 'kserve', ordinal: 2, role: 'worker', rank: undefined, size: 3 },
    { like: 'lws', ordinal: 0, role: undefined, rank: 0, size: 3 },
    { like: 'lws', ordinal: 2, role: undefined, rank: 2, size: 3 },
  ] as const)('$like, member $ordinal', ({ like, ordinal, role, rank, size }) => {
    const { env, name } = member({ like }, ordinal);
    const { scheduler, detected, refusals } = detect(env, { hostname: name, fqdn: undefined });
    expect(refusals).toEqual([]);
    expect(scheduler).toBe(like === 'kserve' ? 'kserve' : 'leaderworkerset');
    expect(detected.worldSize?.value).toBe(size);
    expect(detected.role?.value).toBe(role);
    expect(detected.rank?.value).toBe(rank);
    expect(resolveSettings(parseFlags([]).flags, env).settings.member?.value).toBe(`g-${ordinal}`);
  });

  test.each(['kserve', 'lws'] as const)(
    '%s: the name by which workers look for the head is one of the head',
    (like) => {
      const { env, name } = member({ like }, 1);
      const { detected } = detect(env, { hostname: name, fqdn: undefined });
      expect(member({ like }, 0).aliases).toContain(detected.headAddress?.value);
    },
  );

  test('KServe tells the model and the server args to the head only, LeaderWorkerSet to all', () => {
    const told = (like: Group['like'], ordinal: number) => {
      const { env, command } = member({ like }, ordinal);
      return { model: env.MODEL_DIR, args: command.slice(command.indexOf('launch') + 2) };
    };
    const all = { model: '/models/llm', args: ['--', '--tensor-parallel-size=3', 'a b', '$HOME'] };
    expect([0, 1].map((ordinal) => told('kserve', ordinal))).toEqual([all, { model: undefined, args: [] }]);
    expect([0, 1].map((ordinal) => told('lws', ordinal))).toEqual([all, all]);
  });

  test("the user's variables win, and addresses are told when they are known", () => {
    const [head] = membersOf({ ...GROUP, env: { RAY_NODE_COUNT: '9', X: 'y' } }, ['172.18.0.2']);
    expect(head?.env).toMatchObject({ RAY_NODE_COUNT: '9', X: 'y', POD_IP: '172.18.0.2' });
  });
});

describe('what Docker is told', () => {
  const group: Group = { ...GROUP, memoryBytes: 2 ** 30, cpus: 1.5, gpus: 2 };
  const [head, worker] = membersOf(group);
  const made = containerOf(group, head!, '172.18.0.2');

  test('an image of somebody else, with our entrypoint and no secret in sight', () => {
    expect(made).toMatchObject({ name: 'g-0', Hostname: 'g-0', Image: 'somebody/server:1' });
    expect([...[made.Entrypoint ?? []].flat(), ...(made.Cmd ?? [])]).toEqual([
      '/opt/muster/lib/tini',
      '-g',
      '--',
      '/opt/muster/muster',
      'launch',
      'vllm',
      '--',
      ...(group.serverArgs ?? []),
    ]);
    expect(made.Env).toContain('MUSTER_TOKEN_FILE=/run/muster/token');
  });

  test('limits, shared memory, GPUs of its own, everything mounted read-only', () => {
    expect(made.HostConfig).toMatchObject({
      Memory: 2 ** 30,
      NanoCpus: 1.5e9,
      ShmSize: 3 * 2 ** 30,
      DeviceRequests: [{ DeviceIDs: ['0', '1'] }],
    });
    expect(containerOf(group, worker!, '172.18.0.3').HostConfig?.DeviceRequests).toMatchObject([
      { DeviceIDs: ['2', '3'] },
    ]);
    expect(made.HostConfig?.Mounts).toMatchObject([
      { Type: 'volume', Source: 'muster-g', Target: '/opt/muster', ReadOnly: true, VolumeOptions: { NoCopy: true } },
      { Type: 'bind', Source: '/models/llm', Target: '/models/llm', ReadOnly: true },
    ]);
  });

  test('ports on loopback only: the server of the head as asked, probes anywhere', () => {
    expect(made.HostConfig?.PortBindings).toEqual({
      '8000/tcp': [{ HostIp: '127.0.0.1', HostPort: '9000' }],
      '7601/tcp': [{ HostIp: '127.0.0.1', HostPort: '0' }],
    });
    expect(Object.keys(containerOf(group, worker!, '').HostConfig?.PortBindings ?? {})).toEqual(['7601/tcp']);
  });

  test('its labels say all that a later command must know', () => {
    expect(readMarks(made.Labels ?? {})).toEqual({
      group: 'g',
      ordinal: 0,
      size: 3,
      runtime: 'vllm',
      address: '172.18.0.2',
      aliases: head?.aliases,
      probePort: 7601,
      serverPort: 8000,
    });
    const labels = memberLabels(group, worker!, '172.18.0.3');
    expect(readMarks(labels)?.serverPort).toBeUndefined();
    for (const label of Object.keys(labels).filter((each) => each !== 'muster.life')) {
      expect(readMarks({ ...labels, [label]: '' }), `without ${label}`).toBeUndefined();
    }
  });

  test('it comes back to the network as it was made', () => {
    const endpoint = made.NetworkingConfig?.EndpointsConfig?.[ownName('g')];
    expect(endpoint).toEqual(endpointOf('172.18.0.2', head!.aliases));
    expect(networkOf(group, '172.18.0.0/16').IPAM).toEqual({
      Driver: 'default',
      Config: [{ Subnet: '172.18.0.0/16' }],
    });
  });
});

describe('the same as a compose file', () => {
  const group: Group = { ...GROUP, memoryBytes: 2 ** 30, cpus: 1.5, gpus: 1, env: { PRICE: '5$' } };
  const compose = parse(composeText(group)) as ReturnType<typeof composeOf>;
  const services = compose.services as Record<string, Record<string, unknown>>;

  test('text and data are the same', () => {
    expect(compose).toEqual(JSON.parse(JSON.stringify(composeOf(group))));
    expect(Object.keys(services)).toEqual(['g-0', 'g-1', 'g-2']);
  });

  test.each([0, 1, 2])('member %s: the command, environment and names of the container', (ordinal) => {
    const undollared = (text: string) => text.replaceAll('$$', '$');
    const [service, made] = [services[`g-${ordinal}`]!, containerOf(group, member(group, ordinal), '')];
    expect([...(service.entrypoint as string[]), ...(service.command as string[]).map(undollared)]).toEqual([
      ...[made.Entrypoint ?? []].flat(),
      ...(made.Cmd ?? []),
    ]);
    const env = Object.entries(service.environment as Record<string, string>);
    expect(env.map(([name, value]) => `${name}=${undollared(value)}`)).toEqual(made.Env);
    expect(service.networks).toEqual({ group: { aliases: member(group, ordinal).aliases } });
    expect(service).toMatchObject({
      shm_size: made.HostConfig?.ShmSize,
      mem_limit: made.HostConfig?.Memory,
      cpus: 1.5,
    });
    expect(service.secrets).toEqual([{ source: 'token', target: '/run/muster/token' }]);
  });

  test('a dollar of the user is a dollar', () => {
    expect(services['g-0']?.command).toContain('$$HOME');
    expect(services['g-1']?.environment).toMatchObject({ PRICE: '5$$' });
  });
});
