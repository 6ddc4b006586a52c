/** HTTP/2 written frame by frame at the head's port, by strangers that no library would be. */
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { PATH } from '../../../src/launch/rally/schema.ts';
import { ENDS, PREFACE, request } from '../support/http2-frames.ts';
import { aStartedGroup, closed } from './fixture.ts';

const call = (path: string) => ({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });

test.each([
  { what: 'an unknown call', headers: call('/no/such') },
  { what: 'what is no call', headers: { ':method': 'GET', ':path': '/' } },
  { what: 'Join', headers: call(PATH.join) },
  { what: 'Status', headers: call(PATH.status) },
  { what: 'Watch', headers: call(PATH.watch) },
])('$what that ends in the packet that brought it ends nothing else (fault 24)', async ({ headers }) => {
  const thrown: unknown[] = [];
  const uncaught = (error: unknown) => thrown.push(error);
  process.on('uncaughtException', uncaught);
  onTestFinished(() => void process.off('uncaughtException', uncaught));
  const { head, members } = await aStartedGroup(['worker-1']);
  for (const end of ENDS) {
    const socket = connect(head.port, '127.0.0.1').on('error', () => {});
    socket.end(Buffer.concat([PREFACE, request(headers), end]));
    await closed(socket.resume());
  }
  members[0]!.report('ready');
  await head.reached('ready');
  expect(thrown).toEqual([]);
});
