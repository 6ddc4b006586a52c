/** What people type before they launch anything: the plan from env alone, the catalogue, the probe, the help. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { describe, expect } from 'vitest';
import { BIN, freePorts, RUNTIMES, test } from '../support/stage.ts';

/** `env -i`: nothing but what the scheduler sets. */
const fromEnvAlone = (env: Readonly<Record<string, string>>) => ({
  program: ['/usr/bin/env', '-i', ...Object.entries(env).map((pair) => pair.join('=')), process.execPath, BIN],
}) as { program: [string, ...string[]] }; // biome-ignore format: one value

const TOKEN = { MUSTER_TOKEN: 'a-token-of-some-length' };
const LWS = { LWS_LEADER_ADDRESS: '127.0.0.1', LWS_GROUP_SIZE: '2', LWS_WORKER_INDEX: '1', MODEL_ID: 'org/model' };

interface Explained {
  readonly digest: string;
  readonly values: Readonly<Record<string, { readonly value: unknown; readonly origin: string }>>;
  readonly commands: readonly { readonly who: string; readonly argv: readonly string[] }[];
}

describe.concurrent('--explain from the environment alone', () => {
  const schedulers = [
    {
      who: 'a KServe head',
      env: (model: string) => ({
        RAY_NODE_COUNT: '2',
        POD_IP: '10.0.0.2',
        POD_NAME: 'llm-head',
        POD_NAMESPACE: 'ns',
        MODEL_DIR: model,
        MODEL_NAME: 'llm',
        TENSOR_PARALLEL_SIZE: '2',
        PIPELINE_PARALLEL_SIZE: '2',
        ...TOKEN,
      }),
      argv: ['launch', 'huggingfaceserver'],
      args: ['--kv={"k": "v w"}'],
      rows: { scheduler: 'kserve', 'world size': 2, role: 'head', member: 'llm-head', 'own address': '10.0.0.2' },
      commands: (model: string) => [
        expect.arrayContaining(['ray', 'start', '--head', '--port=6379', '--node-ip-address=10.0.0.2', '--block']),
        [
          'python3',
          '-m',
          'huggingfaceserver',
          `--model_dir=${model}`,
          '--model_name=llm',
          '--tensor-parallel-size=2',
          '--pipeline-parallel-size=2',
          '--http_port=8080',
          '--kv={"k": "v w"}',
        ],
      ],
    },
    {
      who: 'a KServe worker',
      env: () => ({ RAY_NODE_COUNT: '2', HEAD_SVC: 'llm-head-1', POD_NAMESPACE: 'ns', POD_IP: '10.0.0.3', ...TOKEN }),
      argv: ['launch', 'huggingfaceserver'],
      args: [],
      rows: { scheduler: 'kserve', role: 'worker', rank: null, 'head address': 'llm-head-1.ns.svc' },
      commands: () => [
        expect.arrayContaining(['ray', 'start', '--address=llm-head-1.ns.svc:6379', '--node-ip-address=10.0.0.3']),
      ],
    },
    {
      who: 'an LWS worker',
      env: () => LWS,
      argv: ['launch', 'vllm'],
      args: ['--tensor-parallel-size', '2'],
      rows: { scheduler: 'leaderworkerset', role: 'worker', rank: 1, engine: 'native', 'head address': '127.0.0.1' },
      commands: () => [
        [
          'vllm',
          'serve',
          'org/model',
          '--served-model-name=model',
          '--nnodes=2',
          '--node-rank=1',
          '--master-addr=127.0.0.1',
          '--master-port=29501',
          '--headless',
          '--tensor-parallel-size',
          '2',
        ],
      ],
    },
  ];

  test.for(schedulers)('$who: every value with its origin, as text and as JSON', async (row, { stage }) => {
    const model = stage.directory();
    writeFileSync(`${model}/config.json`, '{}');
    const how = fromEnvAlone(row.env(model));
    const json = await stage.run([...row.argv, '--explain', '--json', '--', ...row.args], how);
    expect(json).toMatchObject({ status: 0, stderr: '' });
    const { values, commands } = JSON.parse(json.stdout.toString()) as Explained;
    for (const [name, value] of Object.entries(row.rows)) expect(values[name]).toMatchObject({ value });
    expect(Object.values(values).every(({ origin }) => origin !== '')).toBe(true);
    expect(commands.map(({ argv }) => argv)).toEqual(row.commands(model));

    const text = await stage.run([...row.argv, '--dry-run', '--', ...row.args], how);
    expect(text).toMatchObject({ status: 0, stderr: '' });
    for (const [name, value] of Object.entries(row.rows)) {
      expect(text.stdout.toString()).toMatch(new RegExp(`^${name} +${value ?? '-'} +\\S`, 'm'));
    }
    for (const shown of [json, text]) expect(shown.stdout.toString()).not.toContain(TOKEN.MUSTER_TOKEN);
  });

  test('the same input gives the same digest, other server args another', async ({ stage }) => {
    const digest = async (...args: string[]) => {
      const { stdout } = await stage.run(['launch', 'vllm', '--explain', '--json', '--', ...args], fromEnvAlone(LWS));
      return (JSON.parse(stdout.toString()) as Explained).digest;
    };
    const [one, again, other] = await Promise.all([digest('--seed=1'), digest('--seed=1'), digest('--seed=2')]);
    expect(one).toMatch(/^[0-9a-f]{64}$/);
    expect(again).toBe(one);
    expect(other).not.toBe(one);
  });
});

describe.concurrent('muster probe', () => {
  test('yes: 0, and what answered', async ({ stage, onTestFinished }) => {
    const server = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/v2/health/ready`;
    const ended = await stage.run(['probe', 'ready', `--http=${url}`]);
    expect(ended).toMatchObject({ status: 0, stderr: expect.stringMatching(/^muster probe ready: yes, .*answered$/) });
  });

  test.for(['ray', 'http'])('no (%s): 69 at once, and why', async (what, { stage }) => {
    const [port] = await freePorts(1);
    const asked = what === 'ray' ? `--ray=127.0.0.1:${port}` : `--http=http://127.0.0.1:${port}/`;
    const started = performance.now();
    const ended = await stage.run(['probe', 'startup', asked]);
    expect(ended).toMatchObject({
      status: 69,
      stderr: expect.stringMatching(/^muster probe startup: NO, .*(listens|REFUSED|refuse)/),
    });
    expect(ended.at - started).toBeLessThan(20_000); // 0.05 s of its own; Ray's CLI needs 41 s
  });

  test.for([
    { argv: ['probe', 'alive'], says: /startup, ready, live/ },
    { argv: ['probe', 'ready', '--ray=127.0.0.1:1', '--nodes=0'], says: /--nodes \(RAY_NODE_COUNT\) is "0"/ },
    { argv: ['probe', 'ready', '--http=ftp://x'], says: /not a URL/ },
  ])('$argv: 64', async ({ argv, says }, { stage }) => {
    expect(await stage.run(argv)).toMatchObject({ status: 64, stderr: expect.stringMatching(says) });
  });
});

describe.concurrent('muster runtimes', () => {
  const SHIPPED = [
    'demo',
    'demo-native',
    'huggingfaceserver',
    'sglang',
    'tensorflow-serving',
    'transformer',
    'transformer-python',
    'triton',
    'vllm',
  ];

  test('lists the catalogue, a user’s own directory first', async ({ stage }) => {
    const plain = (await stage.run(['runtimes'])).stdout.toString();
    expect(
      plain
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(' ')[0]),
    ).toEqual(SHIPPED);
    const json = await stage.run(['runtimes', '--json'], { env: { MUSTER_RUNTIMES: RUNTIMES } });
    const names = (JSON.parse(json.stdout.toString()) as { runtime: { name: string } }[]).map(
      ({ runtime }) => runtime.name,
    );
    expect(names).toEqual(expect.arrayContaining([...SHIPPED, 'model-server', 'print-args']));
  });

  test('show prints one, an unknown one is 64', async ({ stage }) => {
    expect((await stage.run(['runtimes', 'show', 'demo'])).stdout.toString()).toMatch(/^name: demo$/m);
    expect(await stage.run(['runtimes', 'show', 'nope'])).toMatchObject({
      status: 64,
      stderr: expect.stringMatching(/RUNTIME_UNKNOWN/),
    });
  });
});

describe.concurrent('help', () => {
  test.for([
    { argv: [], says: /muster <command>/ },
    { argv: ['--help'], says: /launch <runtime>/ },
    { argv: ['launch', '--help'], says: /--rally-timeout .*\[MUSTER_RALLY_TIMEOUT\]/s },
    { argv: ['run', '--help'], says: /muster run \[options\] -- <any command>/ },
    { argv: ['probe', '--help'], says: /startup\|ready\|live/ },
    { argv: ['runtimes', '--help'], says: /show NAME/ },
    { argv: ['launch', 'demo', '-h', '--', '--x'], says: /server args, byte for byte/ },
    { argv: ['--version'], says: /^\d+\.\d+\.\d+\n$/ },
  ])('muster $argv', async ({ argv, says }, { stage }) => {
    const ended = await stage.run(argv);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(ended.stdout.toString()).toMatch(says);
  });

  test('--help behind -- is the server’s', async ({ stage }) => {
    const ended = await stage.run(['run', '--', 'printf', '[%s]', '--help', '-h']);
    expect(ended.stdout.toString()).toBe('[--help][-h]');
  });

  test.for([['lunch'], ['lunch', 'demo'], ['--lunch']])('muster %s is unknown: 64', async (argv, { stage }) => {
    const ended = await stage.run(argv);
    expect(ended).toMatchObject({
      status: 64,
      stdout: Buffer.alloc(0),
      stderr: expect.stringMatching(/^muster: USAGE .*lunch/),
    });
  });
});
