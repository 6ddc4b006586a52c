/** What can never work is refused before anything starts: at once, with its code, its value and the next step. */
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { BIN, expectEnd, RUNTIMES, test } from '../support/stage.ts';

/** Milliseconds for a process that only says no: 40 of its own, five at once on two busy cores. */
const AT_ONCE_MS = 20_000;
const TOKEN = 'a-token-of-some-length';
const PYTHON = 'python3';
/** Runs its arguments, tells the largest resident set they had, in KiB, and ends as they did. */
const MEASURE = `import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)`;

interface Row {
  readonly when: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly code: string;
  readonly says: RegExp;
}

const worker = (...more: string[]) => ['launch', 'demo-native', '--world-size=2', '--rank=1', ...more];
const head = (...more: string[]) => ['launch', 'demo-native', '--world-size=2', '--rank=0', ...more];
const LOOPBACK = '--head-address=127.0.0.1';

const ROWS: readonly Row[] = [
  {
    when: 'an option that does not exist',
    argv: ['launch', 'demo', '--word-size=2'],
    status: 64,
    code: 'USAGE',
    says: /--word-size is not an option of muster\n→ Did you mean --world-size\?/,
  },
  {
    when: 'a number that is none',
    argv: ['launch', 'demo', '--rally-port=80a'],
    status: 64,
    code: 'USAGE',
    says: /--rally-port is "80a", not a whole number from 1 to 65535/,
  },
  {
    when: 'a variable that is no number',
    argv: ['launch', 'demo'],
    env: { MUSTER_RALLY_PORT: '65536' },
    status: 78,
    code: 'CONFIG_INVALID',
    says: /MUSTER_RALLY_PORT is "65536"/,
  },
  {
    when: 'a variable that is set but empty',
    argv: ['launch', 'demo'],
    env: { MUSTER_RALLY_PORT: '' },
    status: 78,
    code: 'CONFIG_INVALID',
    says: /MUSTER_RALLY_PORT is ""/,
  },
  {
    when: 'server args before --',
    argv: ['launch', 'demo', 'more', '--', 'x'],
    status: 64,
    code: 'USAGE',
    says: /"more" stands before `--`/,
  },
  { when: 'no command', argv: ['run', '--'], status: 64, code: 'USAGE', says: /muster run was given no command/ },
  { when: 'no runtime', argv: ['launch'], status: 64, code: 'USAGE', says: /muster launch was given no runtime/ },
  {
    when: 'a runtime nobody knows',
    argv: ['launch', 'vlm'],
    status: 64,
    code: 'RUNTIME_UNKNOWN',
    says: /vlm[\s\S]*(vllm|muster runtimes)/,
  },
  {
    when: 'MODEL_DIR that is not there',
    argv: ['launch', 'triton'],
    env: { MODEL_DIR: '/no/such/model' },
    status: 66,
    code: 'MODEL_DIR_MISSING',
    says: /MODEL_DIR is \/no\/such\/model, which does not exist\n→ Check storageUri/,
  },
  {
    when: 'MODEL_DIR that climbs out of the working directory',
    argv: ['launch', 'triton'],
    env: { MODEL_DIR: '../../etc' },
    status: 77,
    code: 'MODEL_DIR_OUTSIDE',
    says: /MODEL_DIR is \.\.\/\.\.\/etc, which leads to .*, outside of the working directory\n→ Give the absolute path/,
  },
  {
    when: 'MODEL_DIR that leads out of the root of models',
    argv: ['launch', 'triton', '--model-root=/usr'],
    env: { MODEL_DIR: '/usr/../etc' },
    status: 77,
    code: 'MODEL_DIR_OUTSIDE',
    says: /MODEL_DIR is \/usr\/\.\.\/etc, which leads to \/etc, outside of \/usr/,
  },
  {
    when: 'no model at all',
    argv: ['launch', 'triton'],
    status: 78,
    code: 'MODEL_UNSET',
    says: /neither MODEL_DIR nor MODEL_ID is set/,
  },
  {
    when: 'a tensor-parallel size that the members cannot hold',
    argv: [...head(LOOPBACK), '--', '--tensor-parallel-size=4'],
    status: 78,
    code: 'PARALLEL_SIZE',
    says: /tensor 4 \(server arg --tensor-parallel-size\) × pipeline 1 \(default\) needs 4 shards, but 2 members × 1 \(runtime demo-native\) hold 2/,
  },
  {
    when: 'a tensor-parallel size that is no number',
    argv: [...head(LOOPBACK), '--', '--tensor-parallel-size=two'],
    status: 78,
    code: 'CONFIG_INVALID',
    says: /--tensor-parallel-size is "two", not a whole number from 1/,
  },
  {
    when: 'a rank outside the group',
    argv: ['launch', 'demo', LOOPBACK],
    env: { MUSTER_WORLD_SIZE: '2', MUSTER_RANK: '2' },
    status: 78,
    code: 'TOPOLOGY_INVALID',
    says: /rank 2 \(env MUSTER_RANK\) is outside a group of 2 \(env MUSTER_WORLD_SIZE\)/,
  },
  {
    when: 'a worker that knows no head',
    argv: worker(),
    status: 78,
    code: 'TOPOLOGY_UNKNOWN',
    says: /does not know where the head is\n→ Set --head-address/,
  },
  {
    when: 'a group over a network without a token',
    argv: worker('--head-address=192.0.2.77'),
    status: 78,
    code: 'TOKEN_MISSING',
    says: /no token is set\n→ Make one with .*MUSTER_TOKEN_FILE.*MUSTER_INSECURE=1/,
  },
  {
    when: 'a token too short to be one',
    argv: worker(LOOPBACK),
    env: { MUSTER_TOKEN: 'secret' },
    status: 78,
    code: 'TOKEN_WEAK',
    says: /the token from env MUSTER_TOKEN has 6 bytes, fewer than 16/,
  },
  {
    when: 'an empty token',
    argv: worker(LOOPBACK),
    env: { MUSTER_TOKEN: '' },
    status: 78,
    code: 'TOKEN_WEAK',
    says: /has 0 bytes/,
  },
  {
    when: 'a token file that is not there',
    argv: worker(LOOPBACK, '--token-file=/no/such/token'),
    status: 66,
    code: 'TOKEN_FILE_UNREADABLE',
    says: /\/no\/such\/token cannot be read: ENOENT/,
  },
  {
    when: 'one port for two uses',
    argv: head(LOOPBACK, '--rally-port=20001', '--engine-port=20001'),
    status: 78,
    code: 'CONFIG_INVALID',
    says: /the engine port and the rally port are both 20001/,
  },
  {
    when: 'an engine that the runtime does not have',
    argv: ['launch', 'demo', '--engine=native'],
    status: 78,
    code: 'CONFIG_INVALID',
    says: /runtime demo has no engine native \(flag --engine\); it has ray/,
  },
];

describe.concurrent('refused', () => {
  test.for(ROWS)(
    '$when: $status $code (faults 1, 3, 4, 6, 7)',
    async ({ argv, env = {}, status, code, says }, { stage }) => {
      const muster = stage.start(argv, { env });
      const started = performance.now();
      const ended = await muster.ended(AT_ONCE_MS);
      expect(ended).toMatchObject({ status, stdout: Buffer.alloc(0) });
      expect(ended.stderr).toMatch(new RegExp(`^muster: ${code} `));
      expect(ended.stderr).toMatch(says);
      expect(ended.stderr).not.toContain('secret');
      expect(ended.at - started).toBeLessThan(AT_ONCE_MS);
    },
  );

  test('an empty MODEL_DIR: 66, and it names storageUri (fault 6)', async ({ stage }) => {
    const ended = await stage.run(['launch', 'triton'], { env: { MODEL_DIR: stage.directory() } });
    expectEnd(ended, { status: 66, code: 'MODEL_DIR_EMPTY', says: /which is empty\n→ Check storageUri/ });
  });

  test('everything at once: each refusal with its next step', async ({ stage }) => {
    const ended = await stage.run([...worker('--head-address=192.0.2.77'), '--', '--tensor-parallel-size=64'], {
      env: { MODEL_DIR: '/no/such/model' },
    });
    const codes = [...ended.stderr.matchAll(/^muster: (\w+) /gm)].map(([, code]) => code);
    expect(codes.sort()).toEqual(['MODEL_DIR_MISSING', 'PARALLEL_SIZE', 'TOKEN_MISSING']);
    expect(ended.stderr.match(/^→ /gm)).toHaveLength(3);
  });

  test.for<{ when: string; yaml: () => string; says: RegExp }>([
    { when: 'an unknown key', yaml: () => 'name: bad\ncolour: red\n', says: /colour/ },
    { when: 'no YAML', yaml: () => 'name: [bad\n', says: /bad\.yaml/ },
    { when: 'a bomb of anchors', yaml: bomb, says: /bad\.yaml/ },
    {
      when: 'the key __proto__',
      yaml: () => 'name: bad\n__proto__: { polluted: 1 }\n',
      says: /Unrecognized key: "__proto__"/,
    },
    { when: 'a key twice', yaml: () => 'name: bad\nname: worse\n', says: /Map keys must be unique/ },
    { when: '10 MB', yaml: () => `name: bad\n# ${'x'.repeat(10_000_000)}\n`, says: /10000013 bytes, more than 262144/ },
  ])('a runtime file with $when: 65, in little memory (fault 5)', async ({ yaml, says }, { stage }) => {
    const directory = stage.directory();
    writeFileSync(join(directory, 'bad.yaml'), yaml());
    const started = performance.now();
    const muster = stage.start(['launch', 'bad', `--runtimes=${directory}`], {
      program: [PYTHON, '-c', MEASURE, process.execPath, BIN],
    });
    const ended = await muster.ended();
    expectEnd(ended, { status: 65, code: 'RUNTIME_INVALID', says });
    expect(ended.at - started).toBeLessThan(AT_ONCE_MS);
    expect(Number(ended.stdout)).toBeGreaterThan(1_024);
    expect(Number(ended.stdout)).toBeLessThan(150 * 1_024);
  });

  test('a runtime file that is a device without an end: 65, and nothing is read (fault 5)', async ({ stage }) => {
    const directory = stage.directory();
    symlinkSync('/dev/zero', join(directory, 'bad.yaml'));
    const ended = await stage.run(['launch', 'bad', `--runtimes=${directory}`]);
    expectEnd(ended, { status: 65, code: 'RUNTIME_INVALID', says: /bad\.yaml cannot be read: it is no file/ });
  });

  test('a token given in time lets the same start go on, and never shows', async ({ stage }) => {
    const ended = await stage.run([...worker('--head-address=192.0.2.77'), '--explain'], {
      env: { MUSTER_TOKEN: TOKEN },
    });
    expect(ended).toMatchObject({ status: 0 });
    expect(ended.stdout.toString()).toMatch(/authentication +token +env MUSTER_TOKEN/);
    expect(`${ended.stdout}${ended.stderr}`).not.toContain(TOKEN);
  });

  test('a server that is not in the image: 127 at once', async ({ stage }) => {
    const launch = ['launch', 'missing-binary', `--runtimes=${RUNTIMES}`];
    for (const takeover of ['exec', 'supervise']) {
      const ended = await stage.run([...launch, `--takeover=${takeover}`]);
      expectEnd(ended, { status: 127, code: 'NOT_FOUND', says: /no-such-model-server is in no directory of PATH/ });
    }
  });
});

function bomb(): string {
  const levels = Array.from(
    { length: 12 },
    (_, at) =>
      `k${at}: &k${at} [${Array(9)
        .fill(at ? `*k${at - 1}` : 'x')
        .join(', ')}]`,
  );
  return `name: bad\n${levels.join('\n')}\n`;
}
