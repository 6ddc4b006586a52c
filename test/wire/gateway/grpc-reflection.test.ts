/** Reflection as grpc-js sees it, and what it costs at most. grpcurl is in test/process. */
import { expect, test } from 'vitest';
import { fakePredictor, gateway } from './fixture.ts';
import { type Conversation, type GrpcClient, grpcClient } from './grpc-client.ts';

async function client(...argv: string[]): Promise<GrpcClient> {
  const { grpcPort } = await gateway((await fakePredictor()).port, ...argv);
  return grpcClient(grpcPort, { file: 'reflection.proto', service: 'grpc.reflection.v1.ServerReflection' });
}

const talk = async (...argv: string[]): Promise<Conversation> => (await client(...argv)).stream('ServerReflectionInfo');

test('one call has an answer for each question, with the question', async () => {
  const stream = await talk();
  const question = { host: 'h', list_services: '*' };
  expect(await stream.say(question).next()).toMatchObject({
    valid_host: 'h',
    original_request: question,
    list_services_response: { service: expect.arrayContaining([{ name: 'inference.GRPCInferenceService' }]) },
  });
  expect(await stream.say({ file_by_filename: 'tfs_status.proto' }).next()).toMatchObject({
    file_descriptor_response: { file_descriptor_proto: [expect.any(Buffer), expect.any(Buffer)] },
  });
  stream.call.end();
  expect(await stream.rest()).toEqual([]);
  expect((await stream.status).code).toBe(0);
});

test.each([
  { question: { file_by_filename: 'nope.proto' }, code: 5, says: 'there is no file "nope.proto" here' },
  { question: { file_containing_symbol: 'a.B' }, code: 5, says: 'there is no symbol "a.B" here' },
  {
    question: { file_containing_extension: { containing_type: 'inference.ModelInferRequest', extension_number: 1 } },
    code: 5,
    says: 'nothing here has extensions',
  },
  { question: { all_extension_numbers_of_type: 'x' }, code: 5, says: 'nothing here has extensions' },
  { question: {}, code: 3, says: 'the request asks for nothing' },
])('$question has no answer, and the call goes on', async ({ question, code, says }) => {
  const stream = await talk();
  expect(await stream.say(question).next()).toMatchObject({
    error_response: { error_code: code, error_message: says },
  });
  expect(await stream.say({ list_services: '' }).next()).toHaveProperty('list_services_response');
});

test('a question of more than 4 KiB is refused (fault 39)', async () => {
  const stream = await talk();
  expect(await stream.say({ file_containing_symbol: 'x'.repeat(5_000) }).next()).toBeUndefined();
  expect((await stream.status).code).toBe(8);
});

test('64 calls are open at once, and then none more until one ends (fault 39)', async () => {
  const asking = await client();
  const ask = (stream: Conversation) => stream.say({ list_services: '' }).next();
  const calls = Array.from({ length: 64 }, () => asking.stream('ServerReflectionInfo'));
  for (const each of calls) expect(await ask(each)).toBeDefined();
  const more = asking.stream('ServerReflectionInfo');
  expect(await ask(more)).toBeUndefined();
  expect(await more.status).toMatchObject({ code: 8, details: expect.stringContaining('64 calls of reflection') });
  calls[0]!.call.end();
  expect((await calls[0]!.status).code).toBe(0);
  expect(await ask(asking.stream('ServerReflectionInfo'))).toBeDefined();
});

test('one call has a thousand questions at most (fault 39)', async () => {
  const stream = await talk();
  for (let i = 0; i < 1_000; i += 1) await stream.say({ list_services: '' }).next();
  expect(await stream.say({ list_services: '' }).next()).toBeUndefined();
  expect((await stream.status).code).toBe(8);
});

test('--grpc_reflection false tells nothing', async () => {
  const stream = await talk('--grpc_reflection=false');
  expect(await stream.say({ list_services: '' }).next()).toBeUndefined();
  expect((await stream.status).code).toBe(12);
});
