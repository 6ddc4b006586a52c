/** OpenAI's API by OpenAI's own client: in front of real models of text in Triton, of a server that speaks it, and of a bad one. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { freePorts, root } from '../../scripts/group.ts';
import { installVenv, startServer } from '../../scripts/servers.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { ChatTemplate } from '../../src/gateway/openai/text/chat-template.ts';
import { fakeRest, json, type RestHandler } from '../wire/gateway/rest-fixture.ts';
import { gatewayTo, withTriton } from './triton.ts';

const TEMPLATES = join(root, 'test/unit/gateway/openai/templates');
const MARKED = join(TEMPLATES, 'marked.jinja');
const both = withTriton(['gen', 'llm'], `--chat_template=${MARKED}`);
let python = '';
beforeAll(() => {
  python = join(installVenv('openai-venv', 'openai==3.54.0', 'jinja2==3.1.6'), 'bin', 'python');
}, 600_000);

interface Call {
  readonly call: string;
  readonly args: Readonly<Record<string, unknown>>;
}
interface Said {
  readonly role?: string;
  readonly content?: string;
}
interface Choice {
  readonly text?: string;
  readonly delta?: Said;
  readonly message?: Said;
  readonly finish_reason: string | null;
}
interface Told {
  readonly choices: readonly Choice[];
  readonly usage: Readonly<Record<string, number>> | null;
  readonly data?: unknown;
}
interface Outcome {
  readonly value?: Told;
  readonly chunks?: readonly Told[];
  readonly error?: Readonly<Record<string, unknown>>;
}

/** Runs a program of test/gateway/python. */
async function run<T>(program: string, input: unknown, ...args: string[]): Promise<T> {
  const child = spawn(python, [join(import.meta.dirname, 'python', program), ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  let complained = '';
  child.stdout.on('data', (text) => {
    said += String(text);
  });
  child.stderr.on('data', (text) => {
    complained += String(text);
  });
  child.stdin.end(JSON.stringify(input));
  const status = await new Promise((resolve) => child.once('close', resolve));
  expect(status, complained).toBe(0);
  return JSON.parse(said) as T;
}
const client = (port: number, calls: readonly Call[], prefix = '/v1'): Promise<readonly Outcome[]> =>
  run('openai_client.py', calls, `http://127.0.0.1:${port}${prefix}`);
const completion = (args: object): Call => ({ call: 'completions.create', args: { model: 'llm', ...args } });
const chat = (args: object): Call => ({ call: 'chat.completions.create', args: { model: 'llm', ...args } });
const messages = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'one two' },
];
const textOf = ({ chunks = [] }: Outcome): string =>
  chunks
    .flatMap(({ choices }) => choices)
    .map((choice) => choice.text ?? choice.delta?.content ?? '')
    .join('');

describe("OpenAI's client, in front of a model in Triton", () => {
  test('gets a completion, with its reason and its counts', async () => {
    const [first, cut, echoed] = await client(both.gateway.port, [
      completion({ prompt: 'one two three' }),
      completion({ prompt: 'one two three', max_tokens: 2, temperature: 0.5, seed: 1 }),
      completion({ prompt: ['a b', 'c'], echo: true, stop: ['zz'] }),
    ]);
    expect(first?.value).toMatchObject({
      object: 'text_completion',
      choices: [{ index: 0, text: 'three two one', finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 },
    });
    expect(cut?.value?.choices).toMatchObject([{ text: 'three two', finish_reason: 'length' }]);
    expect(echoed?.value?.choices).toMatchObject([{ text: 'a bb a' }, { text: 'cc' }]);
  });

  test('gets the same where the gateway speaks HTTP to Triton', async () => {
    const rest = await gatewayTo(both.triton.httpPort, '--predictor_protocol=v2');
    onTestFinished(() => rest.close());
    const [whole, streamed] = await client(rest.port, [
      completion({ prompt: 'one two three', max_tokens: 2 }),
      completion({ prompt: 'one two three', stream: true }),
    ]);
    expect(whole?.value?.choices).toMatchObject([{ text: 'three two', finish_reason: 'length' }]);
    expect(textOf(streamed!)).toBe('three two one');
  });

  test('gets a stream of one, with what was used at its end', async () => {
    const [streamed, stopped] = await client(both.gateway.port, [
      completion({ prompt: 'one two three', stream: true, stream_options: { include_usage: true } }),
      completion({ prompt: 'one two three', stream: true, stop: 'o o' }),
    ]);
    expect([streamed?.error, textOf(streamed!)]).toEqual([undefined, 'three two one']);
    expect(streamed?.chunks?.at(-2)?.choices[0]?.finish_reason).toBe('stop');
    expect(streamed?.chunks?.at(-1)?.usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 3 });
    expect(textOf(stopped!)).toBe('three tw');
  });

  test('gets chats by the template of the model', async () => {
    const [whole, streamed] = await client(both.gateway.port, [
      chat({ messages, extra_body: { chat_template_kwargs: { enable_thinking: false } } }),
      chat({ messages, stream: true }),
    ]);
    expect(whole?.value?.choices[0]?.message?.role).toBe('assistant');
    expect(whole?.value?.choices[0]?.message?.content).toContain('<think></think> <|begin|>assistant two');
    expect(textOf(streamed!)).toBe('<|begin|>assistant two</s> one <|begin|>user brief.</s> Be <|begin|>system');
    expect(streamed?.chunks?.[0]?.choices[0]?.delta?.role).toBe('assistant');
  });

  test('raises what it should, by what is wrong', async () => {
    const outcomes = await client(both.gateway.port, [
      completion({ model: 'none', prompt: 'x' }),
      completion({ prompt: 'x', n: 2 }),
      completion({ prompt: [1, 2] }),
      chat({ messages: [{ role: 'duck', content: 'x' }] }),
      completion({ model: 'gen', prompt: 'a b', stream: true, extra_body: { fail_at: 1 } }),
      completion({ model: 'gen', prompt: 'a', extra_body: { fail_at: 0 } }),
    ]);
    expect(outcomes.map(({ error }) => [error?.class, error?.status])).toEqual([
      ['NotFoundError', 404],
      ['BadRequestError', 400],
      ['BadRequestError', 400],
      ['BadRequestError', 400],
      ['APIError', null],
      ['BadRequestError', 400],
    ]);
    expect(outcomes[3]?.error?.message).toContain('there is no role duck');
    expect([outcomes[4]?.chunks?.length, outcomes[4]?.error?.message]).toEqual([1, 'the model failed at 1']);
    expect(outcomes[5]?.error?.message).toContain('the model failed at 0');
  });

  test('gets 5,000 tokens in order, of a model that has inputs of its own', async () => {
    const [streamed] = await client(both.gateway.port, [
      completion({ model: 'gen', prompt: 'a b c', max_tokens: 5_000, stream: true }),
    ]);
    expect(textOf(streamed!)).toBe(Array.from({ length: 5_000 }, (_, at) => 'abc'[at % 3]).join(''));
  });
});

describe("OpenAI's client, in front of a server that speaks its API", () => {
  const DATA = { data: [{ id: 'm', object: 'model', created: 7, owned_by: 'me' }] };
  const inFrontOf = async (handlers: Readonly<Record<string, RestHandler>>): Promise<Gateway> => {
    const { port } = await fakeRest({ 'GET /v1/models': json({ object: 'list', ...DATA }), ...handlers });
    const opened = await gatewayTo(port, '--predictor_protocol=openai', '--model_name=m');
    onTestFinished(() => opened.close());
    return opened;
  };

  test('raises what that server says, and when its stream breaks off', async () => {
    const limited = json({ error: { message: 'slow down', type: 'requests', code: 'rate' } }, 429, {
      'retry-after': '3',
    });
    const { port } = await inFrontOf({
      'POST /v1/completions': limited,
      'POST /v1/chat/completions': (_came, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: {"choices": [{"index": 0, "delta": {"content": "a"}}]}\n\n');
        setImmediate(() => response.destroy());
      },
      'POST /v1/embeddings': json({ error: { message: 'bad input', type: 'x', param: 'input', code: 'c' } }, 400),
    });
    const [limit, broken, bad] = await client(port, [
      completion({ model: 'm', prompt: 'x' }),
      chat({ model: 'm', messages, stream: true }),
      { call: 'embeddings.create', args: { model: 'm', input: 'x' } },
    ]);
    expect(limit?.error).toMatchObject({ class: 'RateLimitError', code: 'rate', retry_after: '3' });
    expect([broken?.chunks?.length, broken?.error?.class]).toEqual([1, 'APIError']);
    expect(bad?.error).toMatchObject({ class: 'BadRequestError', code: 'c', status: 400 });
  });

  test('lists and retrieves its models, under both prefixes', async () => {
    const { port } = await inFrontOf({});
    for (const prefix of ['/v1', '/openai/v1']) {
      const [list, one, none] = await client(
        port,
        [
          { call: 'models.list', args: {} },
          { call: 'models.retrieve', args: { model: 'm' } },
          { call: 'models.retrieve', args: { model: 'none' } },
        ],
        prefix,
      );
      expect(list?.value?.data).toMatchObject(DATA.data);
      expect(one?.value).toMatchObject({ id: 'm', object: 'model' });
      expect(none?.error).toMatchObject({ class: 'NotFoundError' });
    }
  });

  test('gets from the demo server what it gets without us, whole and as a stream', async () => {
    const [httpPort] = (await freePorts(1)) as [number];
    const demo = await startServer({
      what: 'the demo server',
      // numpy is there for Triton's models.
      program: join(root, '.cache/triton-venv/bin/python'),
      args: [join(root, 'runtimes/demo/server.py'), '--nnodes=1', '--host=127.0.0.1', `--port=${httpPort}`],
      httpPort,
      path: '/health',
    });
    onTestFinished(() => demo.kill());
    const gateway = await gatewayTo(httpPort, '--predictor_protocol=openai', '--model_name=demo');
    onTestFinished(() => gateway.close());
    expect((await fetch(`http://127.0.0.1:${gateway.port}/v2/health/ready`)).status).toBe(200);
    const calls = [
      completion({ model: 'demo', prompt: 'hello', max_tokens: 12 }),
      completion({ model: 'demo', prompt: 'hello', max_tokens: 12, stream: true }),
      completion({ model: 'demo', prompt: 'hello', max_tokens: -1 }),
    ];
    const [direct, ours] = [await client(httpPort, calls), await client(gateway.port, calls)];
    const told = ([whole, streamed, wrong]: readonly Outcome[]) => [
      whole?.value?.choices,
      whole?.value?.usage,
      textOf(streamed!),
      wrong?.error,
    ];
    expect(told(ours)).toEqual(told(direct));
    expect(textOf(ours[1]!)).toHaveLength(12);
  });
});

describe('chat templates make the bytes that Jinja itself makes', () => {
  const user = (content: string) => ({ role: 'user', content });
  const assistant = (content: string) => ({ role: 'assistant', content });
  const CHATS = [
    [user('Hi')],
    [
      { role: 'system', content: ' Be brief. \n' },
      user(' Hi '),
      assistant(' Yes?\r\n '),
      user('Zo\u00eb \u{1f600}\n\n"x"'),
    ],
    [user('a'), user('b')],
    [{ role: 'duck', content: 'quack' }],
    [user('{{ messages }} {% raw %}'), { ...assistant(''), name: 'Zo\u00eb <&\'">' }],
    [{ role: 'user', content: 'a\tb', name: 'n' }],
  ];
  const VALUES = [
    { add_generation_prompt: true, bos_token: '<s>', eos_token: '</s>' },
    { add_generation_prompt: false, bos_token: '', eos_token: '\n', enable_thinking: false },
  ];
  const SMALL = [
    '  {% if messages %}\n  a\n  {%- else %}b{% endif %}\n\nend\n',
    '{%- for m in messages -%}\n {{ loop.index }}{{ loop.first | tojson }} {{ m | tojson }} \n{%- endfor -%}\n',
    '{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + m.role|length %}{% endfor %}{{ ns.n }}\n',
    "{% macro say(x, y='!') %}<{{ x }}{{ y }}>{% endmacro %}{{ say(messages[0].role) }}{{ say('a', y='?') }}{# no #}",
    "{{ messages[-1].content[::-1] ~ '|' ~ messages[0].role.upper() ~ messages | selectattr('role', 'equalto', 'user') | list | length }}",
    "{{ strftime_now('%Y-%m-%d') }}",
    "{{ [1, 2.5, none, true, {'a': [1]}] | tojson }} {{ {'x': 'y'} | tojson(indent=2) }}{{ 'a' if tools is none and nothing is undefined }}",
  ];

  /** One template rendered here; `raised` where it says no. */
  const render = (template: string, chat: readonly object[], values: object): unknown => {
    try {
      const file = { file: 'x', text: template, tokens: { bos_token: '', eos_token: '' } };
      return new ChatTemplate(file).render(chat as never, values as never);
    } catch (error) {
      return { raised: (error as Error).message };
    }
  };

  test('of every chat, with every value', async () => {
    const files = ['marked.jinja', 'alternating.jinja'].map((name) => readFileSync(join(TEMPLATES, name), 'utf8'));
    const cases = [...files, ...SMALL].flatMap((template) =>
      CHATS.flatMap((each) => VALUES.map((values) => ({ template, messages: each, values }))),
    );
    const ours = () => cases.map(({ template, messages: each, values }) => render(template, each, values));
    const before = ours();
    const theirs = await run<unknown[]>('render.py', cases);
    const after = ours(); // the day may be another one now
    const agreed = before.map((each, at) => (each === theirs[at] ? each : after[at]));
    expect(agreed).toEqual(theirs);
  });

  test('but for what docs/gateway-openai.md names', async () => {
    const chats = [user('\u{1f600}')];
    const cases = ['{{ true }}', '{{ 2.0 | tojson }}', '{{ messages[0].content | length }}'].map((template) => ({
      template,
      messages: chats,
      values: {},
    }));
    expect(await run('render.py', cases)).toEqual(['True', '2.0', '1']);
    expect(cases.map(({ template }) => render(template, chats, {}))).toEqual(['true', '2', '2']);
  });
});
