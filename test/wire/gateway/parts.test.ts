/** A large answer in parts: whole, in order, and no faster than its client takes it. */
import { expect, onTestFinished, test } from 'vitest';
import { ask, fakePredictor, gateway, INFER, open } from './fixture.ts';

const FLOATS = 4 * 2 ** 20;
const data = Buffer.alloc(4 * FLOATS);
for (let at = 0; at < FLOATS; at += 1) data.writeFloatLE(at, 4 * at);

const large = () =>
  fakePredictor({
    ModelInfer: (call) => {
      const outputs = [{ name: 'OUT', datatype: 'FP32', shape: [FLOATS / 1024, 1024] }];
      call.send('ModelInferResponse', { model_name: 'm', outputs, raw_output_contents: [data] });
      call.end();
    },
  });

const asking = (chunk: number, more: object = {}) =>
  JSON.stringify({
    inputs: [{ name: 'IN', datatype: 'INT8', shape: [1], data: [1] }],
    parameters: { chunk_bytes: chunk, ...more },
  });

/** Lines, and the bytes behind those that say so. */
function read(body: Buffer): { lines: Record<string, unknown>[]; bytes: Buffer[] } {
  const [lines, bytes]: [Record<string, unknown>[], Buffer[]] = [[], []];
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf('\n', at);
    const line = JSON.parse(body.toString('utf8', at, end));
    at = end + 1;
    lines.push(line);
    const { binary_data_size: size = 0 } = line;
    if (size > 0) bytes.push(body.subarray(at, at + size));
    at += size;
  }
  return { lines, bytes };
}

test('an answer comes in parts of the size that was asked for, in bytes', async () => {
  const { port } = await large();
  const { port: http } = await gateway(port);
  const answer = await ask(http, INFER, { body: asking(1_000_000, { binary_data_output: true }) });
  expect(answer.headers['content-type']).toBe('application/vnd.muster.parts');
  const { lines, bytes } = read(answer.body);
  expect(lines[0]).toMatchObject({ outputs: [{ name: 'OUT', shape: [FLOATS / 1024, 1024], bytes: data.length }] });
  expect(lines.at(-1)).toEqual({ parts: bytes.length });
  // 244 rows of 4 KiB are what fits.
  expect(new Set(bytes.slice(0, -1).map(({ length }) => length))).toEqual(new Set([244 * 4096]));
  expect(Buffer.concat(bytes).equals(data)).toBe(true);
});

test('an answer comes in lines of JSON where bytes are not wanted; its last line says that it is whole', async () => {
  const { port } = await fakePredictor();
  const { port: http } = await gateway(port);
  const { headers, body } = await ask(http, INFER, { body: asking(1_024) });
  expect(headers['content-type']).toBe('application/x-ndjson');
  expect(read(body).lines.slice(1)).toEqual([{ output: 'OUT', offset: 0, count: 2, data: [1, 2] }, { parts: 1 }]);
  const wrong = await ask(http, INFER, { body: asking(5) });
  expect([wrong.status, wrong.json.error]).toEqual([400, expect.stringContaining('chunk_bytes')]);
});

test('a client that does not read holds it back, and is cut after a while (fault 39)', async () => {
  const { port } = await large();
  const { port: http } = await gateway(port, '--stream_idle_timeout_seconds=2');
  const response = await open(http, INFER, { body: asking(65_536, { binary_data_output: true }) });
  onTestFinished(() => void response.destroy());
  response.pause();
  response.on('error', () => undefined);
  // What was written is what the kernel's buffers hold, and one part; the answer has 16 MiB.
  await expect
    .poll(async () => String((await ask(http, '/metrics')).body), { timeout: 30_000 })
    .toMatch(/requests_total\{api="v2",model_name="other",code="499"\} 1/);
  const written = /bytes_total\{direction="out"\} (\d+)/.exec(String((await ask(http, '/metrics')).body))?.[1];
  expect(Number(written)).toBeLessThan(data.length);
  const closed = new Promise((resolve) => response.once('close', resolve)); // `once` takes an error for a failure
  response.resume();
  await closed;
  expect(response.complete).toBe(false);
});
