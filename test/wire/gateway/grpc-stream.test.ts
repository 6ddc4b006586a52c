/** ModelStreamInfer as grpc-js sees it: many requests on one call, and what becomes of the others when one goes wrong. */
import { describe, expect, test } from 'vitest';
import { event, type FakeCall, FINAL, fakePredictor, gateway, type Handler, token } from './fixture.ts';
import { bareProto, type Conversation, grpcClient, RAW } from './grpc-client.ts';

const ENDED = { triton_final_response: { bool_param: true } };
const GOES_ON = { triton_final_response: { bool_param: false } };
const WANTS_END = { triton_enable_empty_final_response: { bool_param: true } };

const request = (id: string, more: object = {}) => ({ ...RAW, id, ...more });

interface Streamed {
  readonly error_message: string;
  readonly infer_response: {
    readonly id: string;
    readonly parameters: object;
    readonly raw_output_contents: readonly Buffer[];
    readonly outputs: readonly unknown[];
  };
}

/** `id: text`, `id!` for a last word, `id: error …`. */
const said = (message: unknown): string => {
  const { error_message: error, infer_response: response } = message as Streamed;
  if (error) return `${response.id}: error ${error}`;
  const text = response.raw_output_contents[0]?.subarray(4).toString();
  return text === undefined ? `${response.id}!` : `${response.id}: ${text}`;
};

const answer = (call: FakeCall, text: string) => {
  const { infer_response } = token(text);
  call.send('ModelStreamInferResponse', { infer_response: { ...infer_response, id: call.infer.id } });
};

const says =
  (...texts: readonly string[]): Handler =>
  (call) => {
    for (const text of texts) answer(call, text);
    call.send('ModelStreamInferResponse', FINAL);
  };

async function talk(
  handler: Handler,
  ...argv: string[]
): Promise<{ stream: Conversation; port: number; close(): void }> {
  const { port } = await fakePredictor({ ModelStreamInfer: handler });
  const { grpcPort, port: http, drain } = await gateway(port, ...argv);
  return { stream: grpcClient(grpcPort).stream('ModelStreamInfer'), port: http, close: () => void drain() };
}

describe('one request', () => {
  test('has its answers, each not the last; and its end by the half close alone', async () => {
    const { stream } = await talk(says('a', 'b'));
    stream.say(request('1')).call.end();
    const all = await stream.rest();
    expect(all.map(said)).toEqual(['1: a', '1: b']);
    expect(all.map((each) => (each as unknown as Streamed).infer_response.parameters)).toEqual([GOES_ON, GOES_ON]);
    expect((await stream.status).code).toBe(0);
  });

  test('that asks for the empty last answer gets it, and the stream goes on', async () => {
    const { stream } = await talk(says('a'));
    stream.say(request('1', { parameters: WANTS_END }));
    expect(said(await stream.next())).toBe('1: a');
    const last = (await stream.next()) as unknown as Streamed;
    expect([said(last), last.infer_response.parameters]).toEqual(['1!', ENDED]);
    stream.say(request('2', { parameters: WANTS_END }));
    expect([said(await stream.next()), said(await stream.next())]).toEqual(['2: a', '2!']);
    stream.call.end();
    expect((await stream.status).code).toBe(0);
  });

  test('whose last answer has outputs gets no empty one behind it', async () => {
    const { stream } = await talk((call) => {
      const { infer_response } = token('all');
      const parameters = { triton_final_response: { bool_param: true } };
      call.send('ModelStreamInferResponse', { infer_response: { ...infer_response, id: '1', parameters } });
    });
    stream.say(request('1', { parameters: WANTS_END })).call.end();
    const [only, ...more] = await stream.rest();
    expect([said(only), more]).toEqual(['1: all', []]);
    expect((only as unknown as Streamed).infer_response.parameters).toEqual(ENDED);
  });

  test('has its first token before the predictor has said the second', async () => {
    const calls = event<FakeCall>();
    const { stream } = await talk((call) => {
      answer(call, 'first');
      calls.happened(call);
    });
    stream.say(request('1'));
    expect(said(await stream.next())).toBe('1: first');
    const call = await calls.came;
    answer(call, 'second');
    expect(said(await stream.next())).toBe('1: second');
    call.end();
    stream.call.end();
    expect((await stream.status).code).toBe(0);
  });

  test('typed contents are answered so', async () => {
    const { stream } = await talk(says('a'));
    const inputs = [{ ...RAW.inputs[0], contents: { int_contents: [1, 2] } }];
    stream.say({ model_name: 'm', id: '1', inputs }).call.end();
    expect(await stream.next()).toMatchObject({
      infer_response: { outputs: [{ contents: { bytes_contents: [Buffer.from('a')] } }], raw_output_contents: [] },
    });
  });
});

describe('several requests on one stream', () => {
  test('are under way together, and are told apart by id', async () => {
    const calls = new Map<string, FakeCall>();
    const both = event();
    const { stream } = await talk((call) => {
      calls.set(call.infer.id, call);
      if (calls.size === 2) both.happened();
    });
    stream.say(request('x', { parameters: WANTS_END })).say(request('y', { parameters: WANTS_END }));
    await both.came;
    const [x, y] = [calls.get('x')!, calls.get('y')!];
    const heard: string[] = [];
    for (const [call, text] of [
      [x, '1'],
      [y, '1'],
      [x, '2'],
    ] as const) {
      answer(call, text);
      heard.push(said(await stream.next()));
    }
    y.send('ModelStreamInferResponse', FINAL);
    heard.push(said(await stream.next()));
    x.send('ModelStreamInferResponse', FINAL);
    heard.push(said(await stream.next()));
    expect(heard).toEqual(['x: 1', 'y: 1', 'x: 2', 'y!', 'x!']);
  });

  test.each([
    {
      what: 'the model fails',
      bad: {},
      says: 'it broke',
    },
    { what: 'its tensor is wrong', bad: { raw_input_contents: [Buffer.from([1])] }, says: 'has 1 bytes' },
    { what: 'its model is not served', bad: { model_name: 'other' }, says: 'not served' },
    { what: 'it is empty', bad: { inputs: [], raw_input_contents: [] }, says: 'no inputs' },
  ])('one ends by an error when $what, and the next is served', async ({ bad, says: words }) => {
    const { stream } = await talk((call) => {
      if (call.infer.id !== 'bad') return says('good')(call);
      call.send('ModelStreamInferResponse', { error_message: 'it broke', infer_response: { id: 'bad' } });
    }, '--model_name=m');
    stream.say(request('bad', bad));
    const failed = (await stream.next()) as unknown as Streamed;
    expect(said(failed)).toMatch(new RegExp(`^bad: error .*${words}`));
    expect(failed.infer_response.parameters).toEqual(ENDED);
    stream.say(request('2')).call.end();
    expect((await stream.rest()).map(said)).toEqual(['2: good']);
    expect((await stream.status).code).toBe(0);
  });

  test('of one sequence follow each other, beside those of another', async () => {
    const seen: FakeCall[] = [];
    let wake = () => {};
    const { stream } = await talk((call) => {
      seen.push(call);
      wake();
    });
    const until = async (count: number) => {
      while (seen.length < count)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    };
    const ofSequence = (id: string, sequence: number) =>
      request(id, { parameters: { sequence_id: { int64_param: sequence } } });
    stream.say(ofSequence('1a', 1)).say(ofSequence('1b', 1)).say(ofSequence('2a', 2));
    await until(2);
    expect(seen.map((each) => each.infer.id)).toEqual(['1a', '2a']);
    says('done')(seen[0]!);
    await until(3);
    expect(seen[2]!.infer.id).toBe('1b');
  });

  test('over the bound are not read until one ends', async () => {
    const ids: string[] = [];
    const calls: FakeCall[] = [];
    let came = event();
    const { stream } = await talk((call) => {
      ids.push(call.infer.id);
      calls.push(call);
      came.happened();
    }, '--grpc_stream_requests=1');
    stream.say(request('1')).say(request('2'));
    await came.came;
    came = event();
    says('a')(calls[0]!);
    expect(said(await stream.next())).toBe('1: a');
    await came.came;
    expect(ids).toEqual(['1', '2']);
  });

  test('all end at the predictor when the client goes (fault 39)', async () => {
    const two = event();
    const ended = event();
    let [begun, closed] = [0, 0];
    const { stream } = await talk((call) => {
      call.stream.once('close', () => {
        closed += 1;
        if (closed === 2) ended.happened();
      });
      begun += 1;
      if (begun === 2) two.happened();
    });
    stream.say(request('1')).say(request('2'));
    await two.came;
    stream.call.cancel();
    await ended.came;
  });

  test('each count in the metrics', async () => {
    const { stream, port } = await talk(says('a'), '--model_name=m');
    stream
      .say(request('1'))
      .say(request('2'))
      .say(request('3', { model_name: 'other' }))
      .call.end();
    await stream.rest();
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(text).toContain('muster_gateway_requests_total{api="grpc_stream",model_name="m",code="200"} 2');
    expect(text).toContain('muster_gateway_requests_total{api="grpc_stream",model_name="other",code="404"} 1');
    expect(text).toContain('muster_gateway_streams_total{model_name="m",ended="done"} 2');
  });
});

describe('a stream', () => {
  test('whose predictor falls silent gets an error for that request', async () => {
    const { stream } = await talk((call) => answer(call, 'a'), '--stream_idle_timeout_seconds=3');
    stream.say(request('1')).call.end();
    expect((await stream.rest()).map(said)).toEqual([
      '1: a',
      expect.stringMatching(/^1: error the predictor sent nothing within 3000 ms/),
    ]);
  });

  test('that nobody uses ends when the gateway does', async () => {
    const { stream, close } = await talk(says('a'));
    stream.say(request('1'));
    expect(said(await stream.next())).toBe('1: a');
    close();
    expect(await stream.rest()).toEqual([]);
    expect(await stream.status).toMatchObject({ code: 14, details: 'the gateway is shutting down' });
  });

  test('in use when the gateway stops has the rest of its answers first (fault 39)', async () => {
    const calls = event<FakeCall>();
    const { stream, close } = await talk((call) => {
      answer(call, 'a');
      calls.happened(call);
    });
    stream.say(request('1'));
    expect(said(await stream.next())).toBe('1: a');
    close();
    const call = await calls.came;
    answer(call, 'b');
    call.end();
    expect((await stream.rest()).map(said)).toEqual(['1: b']);
    expect((await stream.status).code).toBe(14);
  });

  test("in MLServer's form has bare answers, and an error ends it", async () => {
    const { port } = await fakePredictor({ ModelStreamInfer: says('a') });
    const { grpcPort } = await gateway(port, '--grpc_stream_flavour=mlserver', '--model_name=m');
    const stream = grpcClient(grpcPort, { file: bareProto() }).stream('ModelStreamInfer');
    stream.say(request('1'));
    expect(await stream.next()).toMatchObject({ model_name: 'm', id: '1', parameters: {} });
    stream.say(request('2', { model_name: 'other' }));
    expect(await stream.rest()).toEqual([]);
    expect((await stream.status).code).toBe(5);
  });
});
