/** What the gateway says of itself. */
import { expect, test } from 'vitest';
import { serverMetadata } from '../../../src/gateway/look.ts';

test('of the predictor’s extensions it names those that reach it through the gateway', async () => {
  const extensions = ['classification', 'sequence', 'binary_tensor_data', 'model_repository', 'system_shared_memory'];
  const models = { server: async () => ({ name: 'triton', version: '2.51.0', extensions }) };
  const told = await serverMetadata({ version: '1.2.3', models });
  expect(told).toEqual({
    name: 'muster',
    version: '1.2.3',
    extensions: ['binary_tensor_data', 'generate', 'classification', 'sequence'],
  });
});
