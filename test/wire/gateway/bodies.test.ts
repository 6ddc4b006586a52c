/** Bodies of many chunks arrive whole, whatever was set aside for them; the memory of each chunk is given back on the way. */
import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { expect, test } from 'vitest';
import { ask, type FakeCall, fakePredictor, gateway, INFER, INT8 } from './fixture.ts';

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Hashes of the tensors that came, in their order. */
async function hashing() {
  const came: string[] = [];
  const { port } = await fakePredictor({
    ModelInfer: (call: FakeCall) => {
      came.push(...call.infer.raw_input_contents.map(hash));
      call.send('ModelInferResponse', INT8([1]));
      call.end();
    },
  });
  return { came, port };
}

/** Written in pieces of so many bytes, one after the other. @returns the status */
function send(port: number, parts: readonly Uint8Array[], headers: Record<string, string>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const asked = httpRequest(
    { host: '127.0.0.1', port, path: INFER, method: 'POST', headers, agent: false },
    (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
    },
  );
  asked.once('error', reject);
  for (const part of parts) asked.write(part);
  asked.end();
  return promise;
}

/** A request with one tensor of random bytes. */
function randomTensor(bytes: number) {
  const data = randomBytes(bytes);
  const input = { name: 'IN', datatype: 'UINT8', shape: [bytes], parameters: { binary_data_size: bytes } };
  const json = Buffer.from(JSON.stringify({ inputs: [input] }));
  return { data, body: Buffer.concat([json, data]), jsonBytes: String(json.length) };
}

test.each([
  { when: 'within what is set aside first', bytes: 70_000, announced: true },
  { when: 'beyond it', bytes: 3_000_000, announced: true },
  { when: 'beyond it several times', bytes: 21_000_000, announced: true },
  { when: 'not announced', bytes: 3_000_000, announced: false },
])(
  '$when: $bytes bytes',
  async ({ bytes, announced }) => {
    const { came, port } = await hashing();
    const { port: http } = await gateway(port);
    const { data, body, jsonBytes } = randomTensor(bytes);
    const parts = Array.from({ length: Math.ceil(body.length / 99_991) }, (_, at) =>
      body.subarray(at * 99_991, (at + 1) * 99_991),
    );
    const length = announced ? { 'content-length': String(body.length) } : { 'transfer-encoding': 'chunked' };
    expect(await send(http, parts, { 'inference-header-content-length': jsonBytes, ...length })).toBe(200);
    expect(came).toEqual([hash(data)]);
  },
  60_000,
);

test('of several clients at once', async () => {
  const { came, port } = await hashing();
  const { port: http } = await gateway(port);
  const all = Array.from({ length: 12 }, (_, at) => randomTensor(200_000 + 150_000 * at));
  const statuses = all.map(({ body, jsonBytes }) =>
    send(http, [body], { 'inference-header-content-length': jsonBytes, 'content-length': String(body.length) }),
  );
  expect(new Set(await Promise.all(statuses))).toEqual(new Set([200]));
  expect(new Set(came)).toEqual(new Set(all.map(({ data }) => hash(data))));
}, 60_000);

const deep = (depth: number): string => `${'['.repeat(depth)}"a"${']'.repeat(depth)}`;

test.each([
  { where: 'data', field: `"datatype":"FP32","shape":[1],"data":${deep(200_000)}` },
  { where: 'data of 64 bits', field: `"datatype":"INT64","shape":[1],"data":${deep(200_000)}` },
  { where: 'a shape', field: `"datatype":"FP32","shape":[${deep(200_000)}],"data":[1]` },
])(
  "lists within lists without end are the client's fault, and no bug: $where",
  async ({ field }) => {
    const { port } = await hashing();
    const { port: http, log } = await gateway(port);
    const answer = await ask(http, INFER, { body: `{"inputs":[{"name":"IN",${field}}]}` });
    expect({ status: answer.status, body: String(answer.body) }).toEqual({
      status: 400,
      body: '{"error":"the body is nested too deep"}',
    });
    expect(log).toEqual([]);
  },
  60_000,
);
