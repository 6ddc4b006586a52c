/** Which jobs a gateway takes, and which it leaves to others. */
import { expect, test } from 'vitest';
import type { GatewayContext } from '../../../../src/gateway/context.ts';
import { Admission } from '../../../../src/gateway/ops/admission.ts';
import type { JobClaims } from '../../../../src/gateway/queue/claims.ts';
import { Worker, type WorkerOptions } from '../../../../src/gateway/queue/worker.ts';

test('what is found when it was asked to stop is left to another gateway', async () => {
  const asked = Promise.withResolvers<void>();
  const found = Promise.withResolvers<{ id: string; entry: string }[]>();
  const [released, begun] = [[] as string[], [] as string[]];
  const claims: Partial<JobClaims> = {
    next: () => found.promise.then(() => undefined),
    renew: async () => [],
    abandoned: () => {
      asked.resolve();
      return found.promise;
    },
    begin: async ({ entry }) => {
      begun.push(entry);
      throw new Error('begun');
    },
    release: async (entry) => void released.push(entry),
  };
  const admission = new Admission({ maxRunning: 9, maxWaiting: 0, maxWaitMs: 1_000 });
  const context = { admission, log: { error: () => {} } } as unknown as GatewayContext;
  const options = { context, claims, concurrency: 8, leaseMs: 5, maxAttempts: 3 } as unknown as WorkerOptions;
  const worker = new Worker(options);
  worker.start();
  await asked.promise;
  await worker.drain();
  found.resolve([{ id: 'a', entry: '1-1' }]);
  await worker.close();
  expect([released, begun]).toEqual([['1-1'], []]);
});
