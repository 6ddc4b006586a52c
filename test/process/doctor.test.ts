/** `muster doctor` on this machine, and on one whose files, memory or names are made worse for it alone. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { CANNOT_MOUNT, examined } from './support/doctor.ts';
import { BIN, freePorts, RUNTIMES, test } from './support/stage.ts';

/** A server of the fixtures on ports that are free now. */
async function place({ server }: { server?: number } = {}): Promise<string[]> {
  const [free = 0, probe = 0] = await freePorts(2);
  return [
    'doctor',
    'model-server',
    `--runtimes=${RUNTIMES}`,
    `--server-port=${server ?? free}`,
    `--probe-port=${probe}`,
  ];
}

test('on a machine that will do: status 0, every check has spoken, each finding has every field', async ({ stage }) => {
  const ended = await stage.run([...(await place()), '--json']);
  const { ok, findings } = examined(ended);
  expect(ended.status, ended.stderr).toBe(0);
  expect(ok).toBe(true);
  const checks = new Set(findings.map(({ check }) => check));
  expect(checks).toEqual(
    new Set(['plan', 'software', 'devices', 'shm', 'memory', 'limits', 'ports', 'environment', 'account', 'kernel']),
  );
  for (const each of findings)
    expect(Object.keys(each).sort()).toEqual(['check', 'level', 'next', 'subject', 'unit', 'value', 'wanted']);
});

test('for people, without colours where no terminal is', async ({ stage }) => {
  const { stdout } = await stage.run(await place());
  expect(stdout.toString()).toMatch(/^(FAIL|WARN|note|ok {2}) {2}\w+ /);
  expect(stdout.toString()).toMatch(/\n0 failing, \d+ warnings, \d+ notes, \d+ fine\n$/);
  expect(stdout.toString()).not.toContain('\x1b');
});

test('without a runtime it looks at the machine all the same', async ({ stage }) => {
  const { findings } = examined(await stage.run(['doctor', '--probe-port=0', '--json']));
  expect(findings).toContainEqual(expect.objectContaining({ check: 'plan', level: 'note' }));
  expect(findings.map(({ check }) => check)).toContain('limits');
});

describe('what fails', () => {
  test('a port that is taken, with who has it', async ({ stage }) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    try {
      const ended = await stage.run([...(await place({ server: port })), '--json']);
      expect(ended.status).toBe(78);
      expect(ended.stderr).toMatch(/^muster: UNFIT 1 of \d+ findings fail: ports/m);
      const wrong = examined(ended).findings.filter(({ level }) => level === 'fail');
      expect(wrong).toMatchObject([{ check: 'ports', subject: expect.stringContaining(String(port)) }]);
      expect(wrong[0]?.value).toContain(`taken by process ${process.pid}`);
    } finally {
      server.close();
    }
  });

  test('a plan that is refused is a finding, and the ports are looked at all the same', async ({ stage }) => {
    const [server = 0] = await freePorts(1);
    const argv = ['doctor', 'vllm', `--server-port=${server}`, '--json', '--', '--tensor-parallel-size=1'];
    const ended = await stage.run(argv, { env: { MODEL_DIR: '/nowhere/model' } });
    expect(ended.status).toBe(78);
    const { ok, findings } = examined(ended);
    expect(ok).toBe(false);
    expect(findings).toContainEqual(
      expect.objectContaining({
        check: 'plan',
        level: 'fail',
        subject: 'MODEL_DIR_MISSING',
        next: expect.stringContaining('storageUri'),
      }),
    );
    expect(findings).toContainEqual(
      expect.objectContaining({ check: 'ports', level: 'ok', subject: expect.stringContaining(`${server}`) }),
    );
  });

  test('a model whose download was cut off, and an image without ray', async ({ stage }) => {
    const model = stage.directory();
    writeFileSync(join(model, 'config.json'), '{}');
    writeFileSync(
      join(model, 'model.safetensors.index.json'),
      '{"weight_map":{"w":"model-00001-of-00002.safetensors"}}',
    );
    const argv = ['doctor', 'demo', '--probe-port=0', '--json', '--', '--tensor-parallel-size=1'];
    const ended = await stage.run(argv, { env: { MODEL_DIR: model, PATH: '/usr/bin:/bin' } });
    const wrong = examined(ended).findings.filter(({ level }) => level === 'fail');
    expect(wrong).toContainEqual(
      expect.objectContaining({ check: 'model', value: 'model-00001-of-00002.safetensors' }),
    );
    expect(wrong).toContainEqual(
      expect.objectContaining({ check: 'software', subject: 'ray', next: expect.stringContaining('--engine native') }),
    );
  });

  test('warnings count under --strict only', async ({ stage }) => {
    const argv = [...(await place()), '--world-size=2', '--rank=0', '--engine=native', '--insecure'];
    const env = { http_proxy: 'http://192.0.2.1:3128' };
    expect((await stage.run(argv, { env })).status).toBe(0);
    const strict = await stage.run([...argv, '--strict'], { env });
    expect(strict.status).toBe(78);
    expect(strict.stderr).toMatch(/UNFIT .* fail or warn: .*environment/);
  });

  test('what was mistyped is no finding', async ({ stage }) => {
    const { status, stderr, stdout } = await stage.run(['doctor', '--gruop']);
    expect({ status, stdout: stdout.toString() }).toEqual({ status: 64, stdout: '' });
    expect(stderr).toContain('--gruop is not an option');
  });
});

test('beside a launch that runs here: its ports are no fault, and its clock is asked', async ({ stage }) => {
  const [rally = 0, engine = 0, server = 0, probe = 0] = await freePorts(4);
  const place = [
    ...[
      'model-server',
      `--runtimes=${RUNTIMES}`,
      '--world-size=2',
      '--head-address=127.0.0.1',
      `--rally-port=${rally}`,
    ],
    ...[`--engine-port=${engine}`, `--server-port=${server}`, `--probe-port=${probe}`],
  ];
  const head = stage.start(['launch', ...place, '--rank=0', '--progress=0.5']);
  await head.said(/waiting/);
  const ended = await stage.run(['doctor', ...place, '--rank=1', '--json']);
  const { findings } = examined(ended);
  expect(findings).toContainEqual(
    expect.objectContaining({ check: 'ports', level: 'note', value: expect.stringContaining(`process ${head.pid}`) }),
  );
  expect(findings).toContainEqual(expect.objectContaining({ check: 'clock', level: 'ok', unit: 's' }));
  expect(ended.status, ended.stderr).toBe(0);
  head.kill('SIGTERM');
  await head.ended();
});

/** A shell of its own mounts, and then is muster. */
const mounting = (how: string) =>
  ['unshare', '--mount', 'sh', '-c', `${how} && exec "$@"`, 'sh', process.execPath, BIN] as [string, ...string[]];

describe('with mounts of its own', () => {
  test('Docker’s 64 MiB of shared memory: the doctor says what to write, and a launch warns once', async ({
    stage,
    skip,
  }) => {
    if (CANNOT_MOUNT) return skip(CANNOT_MOUNT);
    const program = mounting('mount -t tmpfs -o size=64m tmpfs /dev/shm');
    const [rally = 0] = await freePorts(1);
    const group = [
      'demo',
      '--world-size=2',
      '--rank=1',
      '--head-address=127.0.0.1',
      `--rally-port=${rally}`,
      '--rally-timeout=1',
    ];
    const sizes = ['--', '--tensor-parallel-size=2'];
    const { findings } = examined(await stage.run(['doctor', ...group, '--json', ...sizes], { program }));
    expect(findings).toContainEqual(
      expect.objectContaining({
        check: 'shm',
        level: 'warn',
        value: 64,
        unit: 'MiB',
        next: expect.stringContaining('emptyDir'),
      }),
    );
    const launched = await stage.run(['launch', ...group, ...sizes], { program });
    expect(launched.stderr.match(/WARN \/dev\/shm size: 64 MiB; wanted: more than 64 MiB/g)).toHaveLength(1);
  });

  test('a host name that leads to loopback', async ({ stage, skip }) => {
    if (CANNOT_MOUNT) return skip(CANNOT_MOUNT);
    const hosts = join(stage.directory(), 'hosts');
    writeFileSync(hosts, `127.0.0.1 localhost\n127.0.1.1 ${hostname()}\n`);
    const program = mounting(`mount --bind '${hosts}' /etc/hosts`);
    const argv = [
      'doctor',
      'demo',
      '--world-size=2',
      '--rank=1',
      '--head-address=192.0.2.77',
      '--insecure',
      '--probe-port=0',
      '--json',
    ];
    const { findings } = examined(await stage.run(argv, { program }));
    expect(findings).toContainEqual(
      expect.objectContaining({
        check: 'hostname',
        level: 'warn',
        value: '127.0.1.1',
        next: expect.stringContaining('/etc/hosts'),
      }),
    );
  });

  test('nowhere to write: Ray could not start', async ({ stage, skip }) => {
    if (CANNOT_MOUNT) return skip(CANNOT_MOUNT);
    const temp = join(stage.directory(), 'temp');
    mkdirSync(temp);
    const program = mounting(`mount -t tmpfs -o ro tmpfs '${temp}'`);
    const { findings } = examined(
      await stage.run(['doctor', 'demo', '--probe-port=0', '--json'], { program, env: { TMPDIR: temp } }),
    );
    expect(findings).toContainEqual(
      expect.objectContaining({ check: 'account', level: 'fail', subject: `temp, ${temp}` }),
    );
  });
});
