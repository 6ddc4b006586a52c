/** OpenAI's API in front of a model that takes text: prompts, chats, stops, counts, and what it cannot do. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ask, event, type FakeCall, FINAL, fakePredictor, gateway, type Handler, open, token } from './fixture.ts';
import { fakeRest, json } from './rest-fixture.ts';

const COMPLETIONS = '/v1/completions';
const CHAT = '/v1/chat/completions';
const STREAMED = 'ModelStreamInferResponse';
const text = (name: string) => ({ name, datatype: 'BYTES', shape: [1] });
const metadata =
  (inputs: readonly object[], outputs: readonly object[] = [text('text_output')]): Handler =>
  (call) => {
    call.send('ModelMetadataResponse', { name: 'm', inputs, outputs });
    call.end();
  };

/** A model that says these texts, and remembers who asked. */
async function model(texts: readonly string[], more: Readonly<Record<string, Handler>> = {}) {
  const calls: FakeCall[] = [];
  const { port } = await fakePredictor({
    ModelMetadata: metadata([text('text_input'), { name: 'max_tokens', datatype: 'INT32', shape: [1] }]),
    ModelStreamInfer: (call) => {
      calls.push(call);
      for (const each of texts) call.send(STREAMED, token(each));
      call.send(STREAMED, FINAL);
      call.end();
    },
    ...more,
  });
  return { port, calls };
}
const inFrontOf = ({ port }: { readonly port: number }, ...argv: string[]) => gateway(port, ...argv);
const body = (fields: object) => ({ body: JSON.stringify({ model: 'm', ...fields }) });
const eventsIn = (answer: { readonly body: Buffer }) =>
  String(answer.body)
    .split('\n\n')
    .filter((each) => each !== '')
    .map((each) => each.replace(/^data: /, ''))
    .map((each) => (each === '[DONE]' ? each : JSON.parse(each)));
const textOf = (bytes: Buffer | undefined) => String(bytes?.subarray(4));
const errorOf = (answer: { readonly json: Record<string, unknown> }) => answer.json.error as Record<string, unknown>;

function template(content: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'template-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, 'chat.jinja'), content);
  return `--chat_template=${join(dir, 'chat.jinja')}`;
}
const TEMPLATE =
  "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}{% if messages|length > 3 %}{{ raise_exception('at most three turns') }}{% endif %}";

describe('a completion', () => {
  test('is the text of all answers', async () => {
    const fake = await model(['Hel', 'lo']);
    const { port } = await inFrontOf(fake);
    const answer = await ask(port, COMPLETIONS, body({ prompt: 'Hi', max_tokens: 3, temperature: 0.5 }));
    expect(answer.json).toEqual({
      id: expect.stringMatching(/^cmpl-/),
      object: 'text_completion',
      created: expect.any(Number),
      model: 'm',
      choices: [{ index: 0, text: 'Hello', logprobs: null, finish_reason: 'stop' }],
    });
    const { infer } = fake.calls[0]!;
    expect(infer.raw_input_contents.map((each) => each.length)).toEqual([6, 4]); // the prompt, and max_tokens as INT32
    expect(textOf(infer.raw_input_contents[0])).toBe('Hi');
    expect(infer.parameters).toMatchObject({ temperature: { double_param: 0.5 } });
  });

  test('of several prompts has a choice for each, behind its prompt when it is echoed', async () => {
    const fake = await model(['!']);
    const { port } = await inFrontOf(fake);
    const { json: answer } = await ask(port, COMPLETIONS, body({ prompt: ['a', 'b'], echo: true }));
    expect(answer.choices).toMatchObject([
      { index: 0, text: 'a!' },
      { index: 1, text: 'b!' },
    ]);
    const streamed = eventsIn(await ask(port, COMPLETIONS, body({ prompt: ['a', 'b'], echo: true, stream: true })));
    const choices = streamed.flatMap((each) => each.choices ?? []);
    expect(choices.map(({ index, text: said }: { index: number; text: string }) => `${index}${said}`)).toEqual([
      '0a', '0!', '0', '1b', '1!', '1',
    ]); // biome-ignore format: a row
  });

  test('streams as it comes, and ends with a reason and [DONE]', async () => {
    const { port } = await inFrontOf(await model(['Hel', 'lo']));
    const answer = await ask(port, COMPLETIONS, body({ prompt: 'Hi', stream: true }));
    const [first, second, last, done, ...more] = eventsIn(answer);
    expect([answer.headers['content-type'], more]).toEqual([expect.stringContaining('text/event-stream'), []]);
    expect(first).toMatchObject({ object: 'text_completion', choices: [{ text: 'Hel', finish_reason: null }] });
    expect(second.choices).toEqual([{ index: 0, text: 'lo', logprobs: null, finish_reason: null }]);
    expect([last.choices[0], done]).toEqual([expect.objectContaining({ text: '', finish_reason: 'stop' }), '[DONE]']);
    expect(new Set([first.id, second.id, last.id]).size).toBe(1);
  });

  test('gives its first text before the model has made the second', async () => {
    const { port } = await inFrontOf(
      await model([], { ModelStreamInfer: (call) => void call.send(STREAMED, token('first')) }),
    );
    const response = await open(port, COMPLETIONS, body({ prompt: 'Hi', stream: true }));
    expect(String((await once(response, 'data'))[0])).toContain('"text":"first"');
    response.destroy();
  });

  test.each([{ stream: false }, { stream: true }])(
    'ends at a stop, and the model with it, stream: $stream',
    async ({ stream }) => {
      const ended = event();
      const { port } = await inFrontOf(
        await model([], {
          ModelStreamInfer: (call) => {
            call.stream.once('close', () => ended.happened());
            for (const each of ['one E', 'ND two', ' three']) call.send(STREAMED, token(each));
          },
        }),
      );
      const answer = await ask(port, COMPLETIONS, body({ prompt: 'x', stop: 'END', stream }));
      const said = stream ? eventsIn(answer).flatMap((each) => each.choices ?? []) : (answer.json.choices as object[]);
      expect(said.map((each: { text?: string }) => each.text).join('')).toBe('one ');
      await ended.came;
    },
  );

  test('of which one prompt fails ends the others', async () => {
    const ended = event();
    const other = event();
    const { port } = await inFrontOf(
      await model([], {
        ModelStreamInfer: async (call) => {
          if (textOf(call.infer.raw_input_contents[0]) === 'slow') {
            call.stream.once('close', () => ended.happened());
            call.send(STREAMED, token('a'));
            return other.happened();
          }
          await other.came;
          call.send(STREAMED, { error_message: 'no' });
          call.end();
        },
      }),
    );
    const answer = await ask(port, COMPLETIONS, body({ prompt: ['slow', 'bad'] }));
    expect([answer.status, errorOf(answer).message]).toEqual([400, 'no']);
    await ended.came;
  });

  test('that is longer than an answer may be is 502', async () => {
    const { port } = await inFrontOf(await model(Array(9).fill('x'.repeat(50))), '--max_reply_bytes=200');
    const answer = await ask(port, COMPLETIONS, body({ prompt: 'x' }));
    expect([answer.status, errorOf(answer).message]).toEqual([502, expect.stringContaining('--max_reply_bytes')]);
  });

  test('of a model whose answers repeat what was before has the new text only', async () => {
    const { port } = await inFrontOf(await model(['a', 'ab', 'abc']), '--text_output_kind=cumulative');
    expect((await ask(port, COMPLETIONS, body({ prompt: 'x' }))).json.choices).toMatchObject([{ text: 'abc' }]);
  });

  test("has the model's own counts, where it counts", async () => {
    const asked = ['return_finish_reason', 'return_num_input_tokens', 'return_num_output_tokens'];
    const flags = asked.map((name) => ({ name, datatype: 'BOOL', shape: [1] }));
    const count = (n: number) => Buffer.from([n, 0, 0, 0]);
    const counted = (said: string, finish: string): object => {
      const { infer_response: answer } = token(said);
      const finished = Buffer.concat([count(finish.length), Buffer.from(finish)]);
      const outputs = [
        ...answer.outputs,
        text('finish_reason'),
        { name: 'num_input_tokens', datatype: 'UINT32', shape: [1] },
        { name: 'num_output_tokens', datatype: 'UINT32', shape: [1] },
      ];
      const raw_output_contents = [...answer.raw_output_contents, finished, count(7), count(1)];
      return { infer_response: { ...answer, outputs, raw_output_contents } };
    };
    const { port } = await inFrontOf(
      await model([], {
        ModelMetadata: metadata([text('text_input'), ...flags]),
        ModelStreamInfer: (call) => {
          call.send(STREAMED, counted('a', 'None'));
          call.send(STREAMED, counted('b', 'length'));
          call.send(STREAMED, FINAL);
          call.end();
        },
      }),
      '--model_name=m',
    );
    const usage = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 };
    const { json: whole } = await ask(port, COMPLETIONS, body({ prompt: 'x' }));
    expect([whole.choices, whole.usage]).toEqual([[expect.objectContaining({ finish_reason: 'length' })], usage]);
    const options = { stream: true, stream_options: { include_usage: true } };
    const events = eventsIn(await ask(port, COMPLETIONS, body({ prompt: 'x', ...options })));
    expect(events.at(-2)).toMatchObject({ choices: [], usage });
    const metrics = String((await ask(port, '/metrics')).body);
    expect(metrics).toContain('muster_gateway_tokens_total{model_name="m",kind="completion"} 4');
  });
});

describe('a chat', () => {
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
  ];

  test('becomes the prompt that the template makes, and its answer a message', async () => {
    const fake = await model(['Hello']);
    const { port } = await inFrontOf(fake, template(TEMPLATE));
    const { json: answer } = await ask(port, CHAT, body({ messages }));
    expect(textOf(fake.calls[0]?.infer.raw_input_contents[0])).toBe('system: Be brief.\nuser: Hi\nassistant: ');
    const message = { role: 'assistant', content: 'Hello' };
    expect(answer).toMatchObject({ object: 'chat.completion', choices: [{ message, finish_reason: 'stop' }] });
  });

  test('streams who speaks, then what is said', async () => {
    const { port } = await inFrontOf(await model(['Hel', 'lo']), template(TEMPLATE));
    const events = eventsIn(await ask(port, CHAT, body({ messages, stream: true })));
    const deltas = events.flatMap((each) => each.choices ?? []).map(({ delta }: { delta: object }) => delta);
    expect(deltas).toEqual([{ role: 'assistant', content: '' }, { content: 'Hel' }, { content: 'lo' }, {}]);
    expect([events[0].object, events.at(-1)]).toEqual(['chat.completion.chunk', '[DONE]']);
  });

  test('without an answer is an empty message', async () => {
    const { port } = await inFrontOf(await model([]), template(TEMPLATE));
    const events = eventsIn(await ask(port, CHAT, body({ messages, stream: true })));
    expect(events.flatMap((each) => each.choices ?? []).map(({ delta }: { delta: object }) => delta)).toEqual([
      { role: 'assistant', content: '' },
      {},
    ]);
  });

  test('that the template does not want is refused in its words', async () => {
    const { port } = await inFrontOf(await model(['x']), template(TEMPLATE));
    const answer = await ask(port, CHAT, body({ messages: [...messages, ...messages] }));
    expect([answer.status, errorOf(answer).message]).toEqual([400, 'at most three turns']);
  });

  test('without a template says which option there is', async () => {
    const { port } = await inFrontOf(await model(['x']));
    const answer = await ask(port, CHAT, body({ messages }));
    expect([answer.status, errorOf(answer).message]).toEqual([501, expect.stringContaining('--chat_template')]);
  });

  test('a broken template refuses the start', async () => {
    const { port } = await model(['x']);
    await expect(gateway(port, template('a\n{% wrong %}'))).rejects.toMatchObject({
      code: 'CHAT_TEMPLATE_INVALID',
      message: expect.stringContaining('chat.jinja line 2: '),
    });
  });
});

describe('what cannot be done is said as OpenAI says it', () => {
  test.each([
    { what: 'two answers', fields: { prompt: 'x', n: 2 }, status: 400, says: '"n": 2' },
    { what: 'token ids', fields: { prompt: [1] }, status: 400, says: 'token ids' },
    {
      what: 'a field that does not fit its input',
      fields: { prompt: 'x', max_tokens: 'many' },
      status: 400,
      says: 'max_tokens',
    },
    { what: 'tools', fields: { prompt: 'x', tools: [{}] }, status: 400, says: '"tools"' },
  ])('$what: $status', async ({ fields, status, says }) => {
    const fake = await model(['x']);
    const { port } = await inFrontOf(fake);
    const answer = await ask(port, COMPLETIONS, body(fields));
    expect([answer.status, errorOf(answer)]).toEqual([
      status,
      expect.objectContaining({ message: expect.stringContaining(says), type: 'invalid_request_error' }),
    ]);
    expect(fake.calls).toEqual([]);
  });

  test('a model of tensors', async () => {
    const fake = await model([], { ModelMetadata: metadata([{ name: 'IN', datatype: 'FP32', shape: [1] }]) });
    const { port } = await inFrontOf(fake);
    const answer = await ask(port, COMPLETIONS, body({ prompt: 'x' }));
    expect([answer.status, errorOf(answer).message]).toEqual([
      501,
      expect.stringContaining('its inputs of BYTES are none'),
    ]);
  });

  test('a predictor that speaks V1', async () => {
    const { port } = await fakeRest({ 'GET /v1/models/m': json({ name: 'm', ready: true }) });
    const { port: http } = await gateway(port, '--predictor_protocol=v1');
    expect((await ask(http, COMPLETIONS, body({ prompt: 'x' }))).status).toBe(501);
  });

  test('embeddings', async () => {
    const { port } = await inFrontOf(await model([]));
    const answer = await ask(port, '/v1/embeddings', body({ input: 'x' }));
    expect([answer.status, errorOf(answer)]).toEqual([
      501,
      expect.objectContaining({
        message: expect.stringContaining('--predictor_protocol openai'),
        code: 'not_supported',
      }),
    ]);
  });

  test.each([
    { when: 'before its first text', texts: [], status: 400, type: 'application/json' },
    { when: 'after it', texts: ['a'], status: 200, type: 'text/event-stream; charset=utf-8' },
  ])('a model that fails $when', async ({ texts, status, type }) => {
    const { port } = await inFrontOf(
      await model([], {
        ModelStreamInfer: (call) => {
          for (const each of texts) call.send(STREAMED, token(each));
          call.send(STREAMED, { error_message: 'out of memory' });
          call.end();
        },
      }),
    );
    const answer = await ask(port, COMPLETIONS, body({ prompt: 'x', stream: true }));
    const last =
      String(answer.body)
        .trim()
        .split('\n\n')
        .at(-1)
        ?.replace(/^data: /, '') ?? '';
    expect([answer.status, answer.headers['content-type']]).toEqual([status, type]);
    expect(JSON.parse(last)).toMatchObject({ error: { message: 'out of memory', type: 'invalid_request_error' } });
  });
});

test('a server without streams answers a stream in one piece', async () => {
  const { infer_response: answer } = token('all of it');
  const fake = await model([], {
    ServerMetadata: (call) => {
      call.send('ServerMetadataResponse', { name: 'kserve', extensions: [] });
      call.end();
    },
    ModelInfer: (call) => {
      call.send('ModelInferResponse', answer);
      call.end();
    },
  });
  const { port } = await inFrontOf(fake);
  const events = eventsIn(await ask(port, COMPLETIONS, body({ prompt: 'x', stream: true })));
  expect(events.map((each) => each.choices?.[0].text ?? each)).toEqual(['all of it', '', '[DONE]']);
});

test('a client that goes ends the model’s work (fault 39)', async () => {
  const ended = event();
  const { port } = await inFrontOf(
    await model([], {
      ModelStreamInfer: (call) => {
        call.stream.once('close', () => ended.happened());
        call.send(STREAMED, token('a'));
      },
    }),
  );
  const response = await open(port, COMPLETIONS, body({ prompt: 'x', stream: true }));
  await once(response, 'data');
  response.destroy();
  await ended.came;
});
