import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { readBody } from '../../../src/gateway/http/body.ts';

const request = (length: string, body: string) =>
  Object.assign(Readable.from([Buffer.from(body)]), {
    headers: { 'content-length': length },
  }) as unknown as IncomingMessage;

test('a body that ends before its announced length is not taken for a whole one', async () => {
  expect(Buffer.from(await readBody(request('5', 'whole'), 1000)).toString()).toBe('whole');
  await expect(readBody(request('300', 'part'), 1000)).rejects.toMatchObject({ status: 400 });
});
