/** The HTTP side against rude peers, and the way out: probes, drain. */
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { freePort } from '../support/servers.ts';
import { ask, BODY, event, type FakeCall, fakePredictor, gateway, INFER, INT8, raw } from './fixture.ts';

const post = (headers: string, body = ''): string => `POST ${INFER} HTTP/1.1\r\nHost: x\r\n${headers}\r\n${body}`;
const statusOf = (text: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);

describe('what is no proper request', () => {
  test.each([
    {
      what: 'both lengths (smuggling)',
      text: post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\nX'),
      status: 400,
    },
    {
      what: 'two lengths that differ',
      text: post('Content-Length: 5\r\nContent-Length: 6\r\n', 'abcdef'),
      status: 400,
    },
    { what: 'a length that is no number', text: post('Content-Length: 5x\r\n', 'abcde'), status: 400 },
    {
      what: 'a coding before chunked that nobody knows',
      text: post('Transfer-Encoding: chunked, identity\r\n', 'abc'),
      status: 400,
    },
    { what: 'a bare line feed in a header', text: 'GET / HTTP/1.1\r\nHost: x\r\nA: b\nC: d\r\n\r\n', status: 400 },
    { what: 'a space before the colon', text: 'GET / HTTP/1.1\r\nHost : x\r\n\r\n', status: 400 },
    { what: 'headers over 16 KiB', text: `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`, status: 431 },
    { what: 'no HTTP', text: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', status: 400 },
  ])('$what is $status, and the connection is closed (fault 39)', async ({ text, status }) => {
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port);
    const { all } = await raw(http, text);
    expect(statusOf(await all)).toBe(status);
    expect((await ask(http, '/')).status).toBe(200);
  });

  test.each([
    { what: 'headers that do not end', text: 'GET / HTTP/1.1\r\nHost: x\r\n' },
    { what: 'a body that does not end', text: post('Content-Length: 1000\r\n', '{') },
    { what: 'nothing at all', text: '' },
  ])('$what is cut in time (fault 39)', async ({ text }) => {
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port, '--body_timeout_seconds=1', '--timeout_keep_alive=1');
    const { all } = await raw(http, text);
    expect([408, Number.NaN]).toContain(statusOf(await all));
  });

  test.each([
    { what: 'its headers', text: 'GET / HTTP/1.1\r\nHost: x\r\nA: ' },
    { what: 'its body', text: post('Content-Length: 1000\r\n') },
  ])('$what byte by byte are cut too, and others are served meanwhile (fault 39)', async ({ text }) => {
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port, '--body_timeout_seconds=2');
    const { socket, all } = await raw(http, text);
    const drip = setInterval(() => socket.write('x'), 200);
    try {
      expect((await ask(http, INFER, { body: BODY })).status).toBe(200);
      expect([408, Number.NaN]).toContain(statusOf(await all)); // a byte that comes too late can cost the words
    } finally {
      clearInterval(drip);
    }
  });
});

test('a client that asks for much and reads none of it is cut after a while (fault 39)', async () => {
  const size = 64_000_000; // more than the kernel keeps for it
  const sent = event();
  const { port } = await fakePredictor({
    ModelInfer: (call) => {
      call.send('ModelInferResponse', {
        model_name: 'm',
        outputs: [{ name: 'OUT', datatype: 'UINT8', shape: [size] }],
        raw_output_contents: [Buffer.alloc(size)],
      });
      call.end();
      sent.happened();
    },
  });
  const opened = await gateway(port, '--stream_idle_timeout_seconds=0.5', '--graceful_timeout_seconds=3600');
  const body = JSON.stringify({ ...JSON.parse(BODY), parameters: { binary_data_output: true } });
  const { socket, all } = await raw(opened.port, post(`Content-Length: ${body.length}\r\n`, body));
  socket.pause();
  await sent.came;
  await opened.drain(); // it waits for the answer to be taken, or cut
  socket.resume();
  expect((await all).length).toBeLessThan(size);
});

describe('probes', () => {
  test('follow the predictor: not there, not ready, ready', async () => {
    const { port: http } = await gateway(await freePort());
    expect((await ask(http, '/v2/health/live')).status).toBe(200);
    expect(await ask(http, '/v2/health/ready')).toMatchObject({
      status: 503,
      json: { ready: false, error: expect.stringContaining('nobody listens') },
    });
  });

  test('ask for the models that are named, and share an answer for a second', async () => {
    let asked = 0;
    const { port } = await fakePredictor({
      ModelReady: (call) => {
        asked += 1;
        call.send('ModelReadyResponse', { ready: asked > 1 });
        call.end();
      },
    });
    const { port: http } = await gateway(port, '--model_name=m');
    const [first, second] = await Promise.all([ask(http, '/v2/health/ready'), ask(http, '/v1/models/m')]);
    expect([first.status, second.status]).toEqual([503, 503]);
    expect(asked).toBe(1);
    await expect
      .poll(async () => (await ask(http, '/v2/models/m/ready')).json, { timeout: 30_000 })
      .toEqual({ name: 'm', ready: true });
  });
});

describe('drain', () => {
  test('says not ready at once, serves on, lets what is under way end, then closes (fault 39)', async () => {
    const reached = event<FakeCall>();
    const { port } = await fakePredictor({ ModelInfer: (call) => reached.happened(call) });
    const opened = await gateway(port, '--drain_seconds=5', '--graceful_timeout_seconds=60');
    const underWay = ask(opened.port, INFER, { body: BODY });
    const call = await reached.came;
    let over = false;
    const drained = opened.drain().then(() => {
      over = true;
    });
    expect(await ask(opened.port, '/v2/health/ready')).toMatchObject({
      status: 503,
      json: { error: expect.stringContaining('shutting down') },
    });
    const late = await ask(opened.port, '/v2/health/live');
    expect(late).toMatchObject({ status: 200, headers: { connection: 'close' } });
    await expect
      .poll(
        () =>
          ask(opened.port, '/').then(
            () => 'open',
            () => 'closed',
          ),
        { timeout: 30_000 },
      )
      .toBe('closed');
    expect(over).toBe(false);
    call.send('ModelInferResponse', INT8([1]));
    call.end();
    expect((await underWay).status).toBe(200);
    await drained;
  });

  test('waits for no connection that a client keeps, once its answer is out', async () => {
    const reached = event<FakeCall>();
    const { port } = await fakePredictor({ ModelInfer: (call) => reached.happened(call) });
    const opened = await gateway(port, '--graceful_timeout_seconds=600');
    const underWay = fetch(`http://127.0.0.1:${opened.port}${INFER}`, { method: 'POST', body: BODY });
    const call = await reached.came;
    const drained = opened.drain();
    call.send('ModelInferResponse', INT8([1]));
    call.end();
    expect((await underWay).status).toBe(200);
    await drained;
  });

  test('cuts what does not end in time', async () => {
    const reached = event();
    const { port } = await fakePredictor({ ModelInfer: () => reached.happened() });
    const opened = await gateway(port, '--graceful_timeout_seconds=0.2');
    const underWay = ask(opened.port, INFER, { body: BODY });
    const cut = expect(underWay).rejects.toThrow();
    await reached.came;
    await opened.drain();
    await cut;
    expect(opened.log.join('')).toContain('1 requests were cut');
  });

  test('an idle keep-alive connection does not hold it up', async () => {
    const { port } = await fakePredictor();
    const opened = await gateway(port);
    const { socket, all } = await raw(opened.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    await opened.drain();
    expect(await all).toContain('alive');
  });
});
