/** `muster doctor --group`: real members on loopback, and one behind a wire that drops what goes to one port. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { Authority } from '../wire/support/certificates.ts';
import { CANNOT_DROP, examined } from './support/doctor.ts';
import { BIN, freePorts, type Muster, RUNTIMES, type Stage, type StartOptions, test } from './support/stage.ts';

/** Milliseconds until everybody has met, tried and told: a second where nothing is in the way. */
const PATIENCE_MS = 90_000;

interface Group {
  readonly members: number;
  readonly ports: readonly number[];
  readonly runtime?: string;
  readonly headAddress?: string;
  readonly options?: readonly string[];
  readonly serverArgs?: readonly string[];
}

/** Rally, engine and server port of the head, then a probe port for each member. */
const portsFor = (members: number): Promise<number[]> => freePorts(3 + members);

function member(stage: Stage, rank: number, group: Group, options: StartOptions = {}): Muster {
  const [rally, engine, server, ...probes] = group.ports;
  const argv = [
    ...['doctor', group.runtime ?? 'model-server', '--group', '--json', `--runtimes=${RUNTIMES}`],
    ...[`--world-size=${group.members}`, `--rank=${rank}`, `--member=m${rank}`],
    ...[`--head-address=${group.headAddress ?? '127.0.0.1'}`, `--rally-port=${rally}`, `--engine-port=${engine}`],
    ...[`--server-port=${server}`, `--probe-port=${probes[rank]}`, '--progress=0.5', ...(group.options ?? [])],
    ...['--', ...(group.serverArgs ?? [])],
  ];
  return stage.start(argv, options);
}

const ends = (members: readonly Muster[]) => Promise.all(members.map((each) => each.ended(PATIENCE_MS)));
const of = (check: string, findings: readonly { check: string; level: string }[]) =>
  findings.filter((each) => each.check === check && each.level !== 'ok');

test('three members: all pairs try all ports, and everybody knows the same', async ({ stage }) => {
  const group = { members: 3, ports: await portsFor(3) };
  const ended = await ends([0, 1, 2].map((rank) => member(stage, rank, group)));
  expect(
    ended.map(({ status }) => status),
    ended[0]?.stderr,
  ).toEqual([0, 0, 0]);
  const [head, ...workers] = ended.map(examined);
  const tries = head?.group?.tries ?? [];
  // Each tries of the head: engine, server, probe and any; of each worker: probe and any.
  expect(tries).toHaveLength(2 * 4 + 4 * 2);
  expect(tries.filter(({ outcome }) => outcome.how !== 'reached')).toEqual([]);
  expect(head?.group?.members).toMatchObject([0, 1, 2].map((rank) => ({ rank, member: `m${rank}` })));
  for (const worker of workers) expect(worker.group?.tries).toEqual(tries);
});

test('with a token, and ranks that the head gives', async ({ stage }) => {
  const [rally, engine, server] = await freePorts(3);
  const env = { MUSTER_TOKEN: 'correct horse battery staple' };
  const argv = ['doctor', 'model-server', '--group', '--json', `--runtimes=${RUNTIMES}`, '--world-size=2'];
  const ours = [
    ...['--head-address=127.0.0.1', '--probe-port=0', `--rally-port=${rally}`],
    ...[`--engine-port=${engine}`, `--server-port=${server}`],
  ];
  const start = (role: string) => stage.start([...argv, ...ours, `--role=${role}`, `--member=the-${role}`], { env });
  const ended = await ends([start('head'), start('worker')]);
  expect(
    ended.map(({ status }) => status),
    ended[1]?.stderr,
  ).toEqual([0, 0]);
  expect(ended.map((each) => examined(each).group?.rank)).toEqual([0, 1]);
});

test('with mutual TLS', async ({ stage }) => {
  const authority = new Authority();
  const ports = await portsFor(2);
  const start = (rank: number) => {
    const directory = stage.directory();
    const { cert, key } = authority.issue(`m${rank}`, { names: ['127.0.0.1', 'localhost', `m${rank}`] });
    for (const [name, text] of Object.entries({ 'tls.crt': cert, 'tls.key': key, 'ca.crt': authority.cert }))
      writeFileSync(join(directory, name), text, { mode: 0o600 });
    return member(stage, rank, { members: 2, ports, options: [`--tls-dir=${directory}`] });
  };
  const ended = await ends([start(0), start(1)]);
  expect(
    ended.map(({ status }) => status),
    ended[1]?.stderr,
  ).toEqual([0, 0]);
  expect(examined(ended[1]!).group?.members).toHaveLength(2);
});

describe('what is wrong', () => {
  test('a member that does not come is named, and nobody waits for ever', async ({ stage }) => {
    const group = { members: 3, ports: await portsFor(3), options: ['--rally-timeout=5'] };
    const [head, worker] = await ends([0, 1].map((rank) => member(stage, rank, group)));
    expect([head?.status, worker?.status]).toEqual([78, 78]);
    expect(of('group', examined(head!).findings)).toMatchObject([
      { level: 'fail', subject: 'RALLY_TIMEOUT', value: expect.stringMatching(/missing: rank(s 1-| )2/) },
    ]);
  });

  test('a port of the head that is taken is told by the head, and not tried', async ({ stage }) => {
    const ports = await portsFor(2);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(ports[2], '0.0.0.0', resolve));
    try {
      const [head, worker] = await ends([0, 1].map((rank) => member(stage, rank, { members: 2, ports })));
      expect(of('ports', examined(head!).findings)).toMatchObject([{ level: 'fail' }]);
      expect(of('reach', examined(worker!).findings)).toMatchObject([
        { level: 'note', value: expect.stringContaining('EADDRINUSE') },
      ]);
      expect(of('group', examined(worker!).findings)).toMatchObject([
        { level: 'note', subject: 'rank 0 (m0)', value: 1 },
      ]);
    } finally {
      server.close();
    }
  });

  test('another model, and other arguments, are told side by side', async ({ stage }) => {
    const ports = await portsFor(2);
    const models = [0, 1].map((version) => {
      const directory = stage.directory();
      writeFileSync(join(directory, 'config.json'), JSON.stringify({ version }));
      return directory;
    });
    const start = (rank: number) =>
      member(
        stage,
        rank,
        { members: 2, ports, runtime: 'demo', serverArgs: [`--tensor-parallel-size=${rank + 1}`] },
        { env: { MODEL_DIR: models[rank] ?? '' } },
      );
    const ended = await ends([start(0), start(1)]);
    const findings = of('group', examined(ended[1]!).findings);
    expect(findings).toContainEqual(
      expect.objectContaining({ level: 'fail', subject: 'config.json of rank 1 (m1), SHA-256' }),
    );
    expect(findings).toContainEqual(
      expect.objectContaining({
        level: 'fail',
        subject: 'tensor-parallel size of rank 1 (m1)',
        value: '2',
        wanted: '1, as the head',
      }),
    );
  });

  test('an examination and a launch at one port refuse each other', async ({ stage }) => {
    const ports = await portsFor(2);
    const [rally, engine, server] = ports;
    const launch = stage.start([
      ...[
        'launch',
        'model-server',
        `--runtimes=${RUNTIMES}`,
        '--world-size=2',
        '--rank=0',
        '--member=m0',
        '--head-address=127.0.0.1',
      ],
      ...[
        `--rally-port=${rally}`,
        `--engine-port=${engine}`,
        `--server-port=${server}`,
        '--rally-timeout=60',
        '--progress=0.5',
      ],
    ]);
    await launch.said(/waiting/);
    const [worker] = await ends([member(stage, 1, { members: 2, ports })]);
    expect(worker?.status).toBe(78);
    expect(of('group', examined(worker!).findings)).toMatchObject([
      { level: 'fail', subject: 'PLAN_MISMATCH', value: expect.stringContaining('muster doctor --group') },
    ]);
    launch.kill('SIGTERM');
    await launch.ended();
  });
});

/** Two networks and a wire between them; `ip` and `iptables` say what they could not do. */
class Wire {
  readonly name = `m${process.pid}`;
  /** RFC 2544: of no real network. */
  readonly addresses: readonly [string, string] = ['198.18.77.1', '198.18.77.2'];

  lay(): void {
    const [near, far] = this.addresses;
    run('ip', 'netns', 'add', `${this.name}a`);
    run('ip', 'netns', 'add', `${this.name}b`);
    run(
      'ip',
      '-n',
      `${this.name}a`,
      'link',
      'add',
      'w0',
      'type',
      'veth',
      'peer',
      'name',
      'w0',
      'netns',
      `${this.name}b`,
    );
    for (const [end, address] of [
      ['a', near],
      ['b', far],
    ] as const) {
      run('ip', '-n', this.name + end, 'addr', 'add', `${address}/30`, 'dev', 'w0');
      for (const link of ['lo', 'w0']) run('ip', '-n', this.name + end, 'link', 'set', link, 'up');
    }
  }

  /** What the far end sends to this port is lost. */
  drop(port: number): void {
    run(
      'ip',
      'netns',
      'exec',
      `${this.name}b`,
      'iptables',
      '-A',
      'OUTPUT',
      '-p',
      'tcp',
      '--dport',
      String(port),
      '-j',
      'DROP',
    );
  }

  program(end: 'a' | 'b'): readonly [string, ...string[]] {
    return ['ip', 'netns', 'exec', this.name + end, process.execPath, BIN];
  }

  remove(): void {
    for (const end of ['a', 'b']) spawnSync('ip', ['netns', 'del', this.name + end]);
  }
}

function run(...[program = '', ...args]: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

test('a wire that drops what goes to one port: who, to whom, which port, and what to do', async ({ stage, skip }) => {
  if (CANNOT_DROP) return skip(CANNOT_DROP);
  const wire = new Wire();
  try {
    wire.lay();
    const group = { members: 2, ports: await portsFor(2), headAddress: wire.addresses[0], options: ['--insecure'] };
    const engine = group.ports[1] ?? 0;
    wire.drop(engine);
    const ended = await ends([
      member(stage, 0, group, { program: wire.program('a') }),
      member(stage, 1, group, { program: wire.program('b') }),
    ]);
    expect(
      ended.map(({ status }) => status),
      ended[1]?.stderr,
    ).toEqual([78, 78]);
    for (const each of ended.map(examined)) {
      expect(of('reach', each.findings)).toMatchObject([
        {
          level: 'fail',
          subject: `rank 1 to rank 0 (m0, ${wire.addresses[0]}), engine port ${engine}`,
          value: 'no answer in 5000 ms',
          next: expect.stringContaining('NetworkPolicy'),
        },
      ]);
    }
  } finally {
    wire.remove();
  }
});
