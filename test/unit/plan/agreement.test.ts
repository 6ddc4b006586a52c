import { describe, expect, test } from 'vitest';
import { disagreements } from '../../../src/launch/rally/agreement.ts';
import { helloOf } from '../../../src/launch/self.ts';
import fc from '../../property.ts';
import { FILLED, KSERVE, type Member, planOf } from './fixture.ts';

const hello = (member: Member) => helloOf(planOf(member), { muster: '0.1.0' });
const codes = (head: Member, worker: Member) => disagreements(hello(head), hello(worker)).map(({ message }) => message);

const ENV = { MODEL_ID: 'org/qwen', TENSOR_PARALLEL_SIZE: '2', NODE_OPTIONS: '--x', HF_TOKEN: 's', MUSTER_LEASE: '4' };
const FLAGS = ['--world-size=2', '--rank=0', '--member=m', '--engine-arg=--a', '--devices-per-member=4'];
const SERVER = ['--', '-tp=2', '--api-key=hunter2hunter2'];

describe('the same inputs → the same plan', () => {
  const base = planOf({ argv: [...FLAGS, ...SERVER], env: ENV });

  test('whatever the order of environment and flags', () => {
    const entries = fc.shuffledSubarray(Object.entries(ENV), { minLength: 5, maxLength: 5 });
    const flags = fc.shuffledSubarray(FLAGS, { minLength: FLAGS.length, maxLength: FLAGS.length });
    fc.assert(
      fc.property(entries, flags, (env, argv) => {
        expect(planOf({ argv: [...argv, ...SERVER], env: Object.fromEntries(env) })).toEqual(base);
      }),
    );
  });

  test('whatever is in variables nobody reads', () => {
    const stranger = fc.string({ minLength: 1 }).filter((name) => !/^(MUSTER_|__proto__$)/.test(name));
    fc.assert(
      fc.property(stranger, fc.string(), (name, value) => {
        expect(planOf({ argv: [...FLAGS, ...SERVER], env: { [`X_${name}`]: value, ...ENV } })).toEqual(base);
      }),
    );
  });

  test('and it survives JSON', () => {
    expect(JSON.parse(JSON.stringify(base))).toEqual(JSON.parse(JSON.stringify(structuredClone(base))));
    expect(JSON.parse(JSON.stringify(base))).toEqual(base);
  });
});

describe('one changed term → another digest, and the head names both values', () => {
  const head: Member = { argv: [...FLAGS, ...SERVER], env: ENV };
  test.each<{ what: string; argv: string[]; env?: Member['env']; runtime?: string; says: string }>([
    { what: 'runtime', argv: [...FLAGS, ...SERVER], runtime: 'sglang', says: 'runtime: head "vllm", m "sglang"' },
    { what: 'engine', argv: ['--engine=ray', ...FLAGS, ...SERVER], says: 'engine: head "native", m "ray"' },
    { what: 'takeover', argv: ['--takeover=exec', ...FLAGS, ...SERVER], says: 'takeover: head "supervise", m "exec"' },
    { what: 'world size', argv: ['--world-size=3', ...FLAGS.slice(1), ...SERVER], says: 'world size: head "2", m "3"' },
    {
      what: 'model id',
      argv: [...FLAGS, ...SERVER],
      env: { ...ENV, MODEL_ID: 'org/llama' },
      says: 'model id: head "org/qwen", m "org/llama"',
    },
    { what: 'tensor size', argv: [...FLAGS, '--', '-tp=4', SERVER[2]!], says: 'tensor-parallel size: head "2", m "4"' },
    { what: 'pipeline size', argv: [...FLAGS, ...SERVER, '-pp=2'], says: 'pipeline-parallel size: head "1", m "2"' },
    { what: 'a server arg', argv: [...FLAGS, ...SERVER, '--x'], says: 'server args' },
    { what: 'only a secret', argv: [...FLAGS, '--', '-tp=2', '--api-key=other'], says: 'server args' },
    { what: 'the order of server args', argv: [...FLAGS, '--', SERVER[2]!, '-tp=2'], says: 'server args' },
    { what: 'where an arg ends', argv: [...FLAGS, ...SERVER.slice(0, 2), `${SERVER[2]} `], says: 'server args' },
  ])('$what', ({ argv, env = ENV, runtime = 'vllm', says }) => {
    const other = { runtime, argv, env };
    expect(planOf(other).digest).not.toBe(planOf(head).digest);
    const messages = disagreements({ ...hello(head), member: 'h' }, hello({ ...other })).map(({ message }) => message);
    expect(messages.join('\n')).toContain(says);
  });

  test.each([
    ...[
      '--member=other',
      '--lease=9',
      '--rally-timeout=9',
      '--address=10.0.0.8',
      '--model-name=x',
      '--log-level=debug',
    ],
  ])('%s is a member of its own business: the digest stays', (flag) => {
    const name = flag.split('=')[0]!;
    const argv = [...FLAGS.filter((each) => !each.startsWith(`${name}=`)), flag, ...SERVER];
    expect(planOf({ argv, env: ENV }).digest).toBe(planOf(head).digest);
  });
});

describe('members of one group that are told different things agree', () => {
  const filled = { facts: { modelDirectory: FILLED } };
  test.each<{ who: string; runtime: string; head: Member; worker: Member }>([
    {
      who: 'KServe: args and model are for the head only',
      runtime: 'huggingfaceserver',
      head: { argv: ['--', '--tensor-parallel-size=1', '-pp=2', '--max-model-len=100'], env: KSERVE.head, ...filled },
      worker: { env: KSERVE.worker },
    },
    {
      who: "KServe: the head's args overrule the env that the worker sees",
      runtime: 'huggingfaceserver',
      head: { argv: ['--', '-tp=2', '-pp=1'], env: KSERVE.head, ...filled },
      worker: { env: KSERVE.worker },
    },
    {
      who: 'KServe, native: the worker will take what the head says',
      runtime: 'vllm',
      head: { argv: ['--', '-tp=1', '-pp=2'], env: KSERVE.head, ...filled },
      worker: { env: KSERVE.worker },
    },
    {
      who: 'LWS: the same template everywhere',
      runtime: 'vllm',
      head: {
        argv: ['--', '-tp=2'],
        env: { MODEL_ID: 'q', LWS_LEADER_ADDRESS: 'l', LWS_GROUP_SIZE: '2', LWS_WORKER_INDEX: '0' },
      },
      worker: {
        argv: ['--', '-tp=2'],
        env: { MODEL_ID: 'q', LWS_LEADER_ADDRESS: 'l', LWS_GROUP_SIZE: '2', LWS_WORKER_INDEX: '1' },
      },
    },
  ])('$who', ({ runtime, head, worker }) => {
    expect(codes({ ...head, runtime }, { ...worker, runtime })).toEqual([]);
  });

  test('another model on disk is seen by its fingerprint', () => {
    const env = { LWS_LEADER_ADDRESS: 'l', LWS_GROUP_SIZE: '2', MODEL_DIR: '/m' };
    const other = { ...FILLED, fingerprint: 'e'.repeat(64) };
    expect(
      codes(
        { env: { ...env, LWS_WORKER_INDEX: '0' }, facts: { modelDirectory: FILLED } },
        { env: { ...env, LWS_WORKER_INDEX: '1' }, facts: { modelDirectory: other } },
      ),
    ).toEqual([expect.stringContaining('another model')]);
  });
});

describe('a secret of the server args reaches its command and nothing else that is shown or sent', () => {
  const secret = fc.string({ minLength: 12, unit: 'grapheme-ascii' }).map((text) => `s${text.replace(/["\\]/g, 'x')}`);
  test('in terms, digest, values, notes, of either spelling', () => {
    fc.assert(
      fc.property(secret, fc.boolean(), (value, joined) => {
        const api = joined ? [`--api-key=${value}`] : ['--api-key', value];
        const plan = planOf({ argv: [...FLAGS, '--', '--x', ...api], env: ENV });
        const { serverArgs, ...rest } = plan;
        expect(serverArgs).toEqual(['--x', ...api]);
        expect(JSON.stringify(rest)).not.toContain(value);
        expect(JSON.stringify(helloOf(plan, {}))).not.toContain(value);
      }),
    );
  });

  test('a disagreement about two secrets shows neither', () => {
    const of = (value: string): Member => ({ argv: [...FLAGS, '--', `--api-key=${value}`], env: ENV });
    const [message] = codes(of('hunter2'), of('swordfish'));
    expect(message).toContain('server args');
    expect(message).not.toMatch(/hunter2|swordfish/);
  });

  test('long args are cut to what a message may hold, and still told apart', () => {
    const of = (last: string): Member => ({ argv: [...FLAGS, '--', 'x'.repeat(9000), last], env: ENV });
    const [a, b] = [planOf(of('a')), planOf(of('b'))];
    expect(a.terms['server args']?.length).toBeLessThan(1200);
    expect(a.terms['server args']).not.toBe(b.terms['server args']);
  });
});
