/** A look at GCS that the timeout cuts short: what it did not hear in its last moment is no news. */
import { expect, test } from 'vitest';
import { awaitGate } from '../../../src/launch/start/ray/await-gate.ts';
import { awaitGcs } from '../../../src/launch/start/ray/await-gcs.ts';
import type { Ask, Gcs, RayNode } from '../../../src/launch/start/ray/gcs.ts';
import { textLog } from '../../../src/log.ts';
import { WireError } from '../../../src/wire/wire-error.ts';

const HEAD = { name: 'head-1f', alive: true, resources: {}, death: undefined } as unknown as RayNode;
const expected = ['head', 'w'].map((member, rank) => ({ name: `${member}-1f`, member, rank, resources: {} }));
const log = textLog({ level: 'error', now: () => 0, write: () => {} });

/** GCS and a clock: each look does as told, and the last of them with all that is left of its time, in vain. */
function scene<T>(...looks: ((ask: Ask) => T)[]) {
  let clock = 0;
  const look = async (ask: Ask): Promise<T> => {
    const next = looks.shift();
    clock += next ? 1 : ask.deadlineMs;
    if (next) return next(ask);
    throw new WireError('grpc', 'deadline', `no answer within ${ask.deadlineMs} ms`);
  };
  const gcs = { checkAlive: look, listNodes: look } as unknown as Gcs;
  const timing = { timeoutMs: 1_000, pollMs: 1, signal: new AbortController().signal, log, now: () => clock };
  return { gcs, ...timing };
}

const words = (promise: Promise<unknown>): Promise<string> => promise.then(String, (error: Error) => error.message);

test('the gate still says who is missing, and nothing against GCS', async () => {
  const told = await words(awaitGate({ ...scene(() => [HEAD]), expected }));
  expect(told).toBe("Ray's cluster is not the group: not complete after 1 s: no Ray node of w (rank 1) yet");
});

test('the gate says that GCS has fallen silent when a look had its whole time', async () => {
  const told = await words(awaitGate({ ...scene(() => [HEAD]), timeoutMs: 5_000, expected }));
  expect(told).toContain('GCS does not answer (grpc: no answer within 2000 ms); no Ray node of w (rank 1) yet');
});

test('the gate says so too when nothing was ever heard', async () => {
  expect(await words(awaitGate({ ...scene<never>(), expected }))).toContain('GCS does not answer');
});

test('who waits for GCS still says at which layer nobody was', async () => {
  const refuses = () => {
    throw new WireError('tcp', 'refused', 'nobody listens on h:1');
  };
  const told = await words(awaitGcs({ ...scene<string>(refuses), head: 'h', localVersion: undefined }));
  expect(told).toBe("Ray's head h did not answer within 1 s: tcp: nobody listens on h:1");
});
