import { describe, expect, test } from 'vitest';
import { planAsJson, planAsText, planRows, quoted } from '../../../src/launch/plan/describe.ts';
import { previewCommands } from '../../../src/launch/preview.ts';
import { KSERVE, type Member, planOf } from './fixture.ts';

const HEAD: Member = {
  argv: ['--world-size=2', '--rank=0', '--member=m', '--', '-tp=2', '--api-key', 'hunter2', 'swordfish', "it's"],
  env: { MODEL_ID: 'org/qwen', MUSTER_TOKEN: 'letmein', MUSTER_LEASE: '4.5', NODE_OPTIONS: '--x', HF_TOKEN: 'hf_1' },
};

const rowsOf = (member: Member) =>
  Object.fromEntries(planRows(planOf(member)).map(({ name, ...rest }) => [name, rest]));
const show = (member: Member, as: typeof planAsText) => {
  const plan = planOf(member);
  return as(plan, previewCommands(plan, member.env ?? {}));
};

describe('every value with its origin', () => {
  test.each([
    { name: 'runtime', value: 'vllm', origin: 'command line' },
    { name: 'engine', value: 'native', origin: 'runtime vllm, world size 2' },
    { name: 'takeover', value: 'supervise', origin: 'default' },
    { name: 'scheduler', value: 'none', origin: 'detected from the environment' },
    { name: 'world size', value: 2, origin: 'flag --world-size' },
    { name: 'role', value: 'head', origin: 'flag --rank' },
    { name: 'rank', value: 0, origin: 'flag --rank' },
    { name: 'member', value: 'm', origin: 'flag --member' },
    { name: 'head address', value: null, origin: 'this member' },
    { name: 'own address', value: '10.0.0.7', origin: 'env POD_IP' },
    { name: 'model (hub)', value: 'org/qwen', origin: 'env MODEL_ID' },
    { name: 'model name', value: 'qwen', origin: "the model's own name" },
    { name: 'tensor-parallel size', value: 2, origin: 'server arg -tp' },
    { name: 'pipeline-parallel size', value: 1, origin: 'default' },
    { name: 'GPUs per member', value: null, origin: 'not known before the rally' },
    { name: 'rally port', value: 7600, origin: 'default' },
    { name: 'engine port', value: 29501, origin: 'runtime vllm' },
    { name: 'server port', value: 8000, origin: 'runtime vllm' },
    { name: 'authentication', value: 'token', origin: 'env MUSTER_TOKEN' },
    { name: 'rally timeout', value: '600 s', origin: 'default' },
    { name: 'ready timeout', value: '3600 s', origin: 'runtime vllm' },
    { name: 'lease', value: '4.5 s', origin: 'env MUSTER_LEASE' },
  ])('$name → $value ($origin)', ({ name, value, origin }) => {
    expect(rowsOf(HEAD)[name]).toEqual({ value, origin });
  });

  test('what a worker of KServe is not told is said to be so', () => {
    const rows = rowsOf({ env: KSERVE.worker });
    expect(rows.rank).toEqual({ value: null, origin: 'the head will give one' });
    expect(rows.model).toEqual({ value: null, origin: 'not set' });
    expect(rows['head address']).toEqual({ value: 'qwen-head-1.team.svc', origin: 'env HEAD_SVC' });
  });

  test('no row is without an origin, whatever the runtime', () => {
    for (const member of [HEAD, { env: KSERVE.worker }, { runtime: 'demo' }, { runtime: 'run', argv: ['--', 'x'] }])
      for (const { name, origin } of planRows(planOf(member))) expect(origin, name).not.toBe('');
  });

  test('the text has a line for each, aligned', () => {
    const lines = show(HEAD, planAsText).split('\n');
    expect(lines[0]).toMatch(/^runtime {2,}vllm {2,}command line$/);
    expect(lines.find((line) => line.startsWith('GPUs per member'))).toMatch(/ - {2,}not known before the rally$/);
    expect(new Set(lines.slice(0, 20).map((line) => /^.*?\S {2,}(?=\S)/.exec(line)?.[0].length)).size).toBe(1);
    expect(lines).toContainEqual(expect.stringMatching(/^server \(head\) +vllm serve org\/qwen .* -tp=2 /));
    expect(lines).toContainEqual(expect.stringMatching(/^env added +.*VLLM_HOST_IP=10\.0\.0\.7/));
    expect(lines).toContainEqual(expect.stringMatching(/^env removed +MUSTER_LEASE MUSTER_TOKEN NODE_OPTIONS$/));
    expect(lines).toContainEqual(expect.stringMatching(/^note +NODE_OPTIONS is set/));
  });

  test('the JSON has the same', () => {
    const value = JSON.parse(show(HEAD, planAsJson));
    expect(value.values).toEqual(rowsOf(HEAD));
    expect(value).toMatchObject({
      digest: planOf(HEAD).digest,
      commands: [{ who: 'server (head)', argv: expect.arrayContaining(['vllm', '-tp=2']) }],
      env: { added: { VLLM_HOST_IP: '10.0.0.7' }, removed: ['MUSTER_LEASE', 'MUSTER_TOKEN', 'NODE_OPTIONS'] },
      notes: [expect.stringContaining('NODE_OPTIONS')],
    });
  });
});

describe('secrets are masked', () => {
  const redis: Member = {
    runtime: 'demo',
    argv: [
      '--engine-arg=--redis-password=hunter2',
      '--engine-arg=--redis-username',
      '--world-size=2',
      '--rank=0',
      '--',
    ],
  };
  const inModel: Member = { argv: ['--', '--model=s3://me:hunter2@host/q', '{"api_key":"hunter2"}'] };
  test.each([
    { where: 'server args', member: HEAD },
    { where: 'engine args', member: redis },
    { where: 'a model and JSON of the server args', member: inModel },
    {
      where: 'a command line of the user',
      member: { runtime: 'run', argv: ['--', 'bash', '-c', 'x --token=hunter2'] },
    },
  ])('in $where', ({ member }) => {
    for (const text of [show(member, planAsText), show(member, planAsJson)]) {
      expect(text).toContain('***');
      expect(text).not.toMatch(/hunter2|swordfish|letmein|hf_1/);
    }
  });

  test('in the environment that is added', () => {
    const plan = { ...planOf(HEAD), env: { defaults: { HF_TOKEN: 'hunter2', A: 'b' }, removed: [] } };
    expect(planAsText(plan, [])).toMatch(/env added +'?HF_TOKEN='\*\*\*' A=b/);
    expect(JSON.parse(planAsJson(plan, [])).env.added).toEqual({ HF_TOKEN: '***', A: 'b' });
  });
});

test.each([
  ['a', 'a'],
  ['--x=1,2:3/4@5%+', '--x=1,2:3/4@5%+'],
  ['', "''"],
  ['a b', "'a b'"],
  ['$(id)', "'$(id)'"],
  ["it's", `'it'\\''s'`],
  ['a\nb', "'a\nb'"],
])('quoted %j → %s, as a shell would want it', (word, want) => {
  expect(quoted(word)).toBe(want);
});
