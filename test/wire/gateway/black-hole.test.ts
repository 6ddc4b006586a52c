/** A network that swallows: connections that stand and bring nothing any more, while new ones are fine (fault 39). */
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { tcpServer } from '../support/servers.ts';
import { ask, BODY, fakePredictor, gateway, INFER, token } from './fixture.ts';
import { fakeRest, json } from './rest-fixture.ts';

/** In front of a port. `swallow`: what is connected now hears nothing any more, and is not told. */
async function network(port: number): Promise<{ port: number; swallow(): void }> {
  const pairs: [Socket, Socket][] = [];
  const entry = await tcpServer((socket) => {
    const behind = connect({ host: '127.0.0.1', port });
    behind.on('error', () => undefined);
    socket.once('close', () => behind.destroy());
    socket.pipe(behind).pipe(socket);
    pairs.push([socket, behind]);
  });
  const swallow = () => {
    for (const pair of pairs)
      for (const socket of pair) {
        socket.unpipe();
        socket.pause();
      }
  };
  return { port: entry, swallow };
}

const SHORTLY = '--predictor_request_timeout_seconds=5';
const rest = () =>
  fakeRest({
    'GET /v2': json({ name: 'triton', version: '1', extensions: ['binary_tensor_data'] }),
    [`POST ${INFER}`]: json({ model_name: 'm', outputs: [{ name: 'OUT', datatype: 'INT8', shape: [1], data: [7] }] }),
  });

test.each([
  { protocol: 'grpc-v2', open: () => fakePredictor() },
  { protocol: 'v2', open: rest },
])(
  'by $protocol a swallowed connection costs the requests in it; the next one is on another (fault 39)',
  async (given) => {
    const { port, swallow } = await network((await given.open()).port);
    const { port: http } = await gateway(port, `--predictor_protocol=${given.protocol}`, SHORTLY);
    const infer = () => ask(http, INFER, { body: BODY });
    expect((await infer()).status).toBe(200);
    swallow();
    expect(await infer()).toMatchObject({ status: 504, json: { error: expect.stringMatching(/within/) } });
    expect((await infer()).status).toBe(200);
  },
);

test('clients that do not wait for the deadline cost it no more (fault 39)', async () => {
  const { port, swallow } = await network((await fakePredictor()).port);
  const { port: http } = await gateway(port);
  expect((await ask(http, INFER, { body: BODY })).status).toBe(200);
  swallow();
  await expect(ask(http, INFER, { body: BODY, signal: AbortSignal.timeout(2_000) })).rejects.toThrow(/aborted/);
  expect((await ask(http, INFER, { body: BODY })).status).toBe(200);
});

test('a swallowed stream ends after the idle time, and the next one is on another connection (fault 39)', async () => {
  let streams = 0;
  const predictor = await fakePredictor({
    ModelStreamInfer: (call) => {
      streams += 1;
      call.send('ModelStreamInferResponse', token('a'));
      if (streams === 1) setImmediate(swallow);
      else call.end();
    },
  });
  const { port, swallow } = await network(predictor.port);
  const { port: http } = await gateway(port, '--stream_idle_timeout_seconds=5');
  const stream = () =>
    ask(http, '/v2/models/m/generate_stream', { body: '{"text_input": "x"}' }).then(({ body }) => String(body));
  expect(await stream()).toMatch(/sent nothing within/);
  expect(await stream()).toMatch(/^data: \{[^\n]*"text_output":"a"\}\n\n$/);
});
