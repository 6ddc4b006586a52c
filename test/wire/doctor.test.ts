/** What members of an examination say to each other over real sockets, and what strangers get. */
import { connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { freePorts } from '../../scripts/group.ts';
import { type Bell, openBell, ring } from '../../src/doctor/group/doorbell.ts';
import { type Exchange, joinExchange, openExchange } from '../../src/doctor/group/exchange.ts';

const HOST = '127.0.0.1';
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

const opened = <T extends { close(): unknown }>(what: T): T => {
  open.push(what);
  return what;
};

describe('a ring', () => {
  const bell = async (words: string): Promise<Bell> => opened(await openBell(HOST, 0, words));
  /** Listens, and does as it is told with each visitor. */
  const listener = async (visit: Parameters<typeof createServer>[1]): Promise<number> => {
    const server: Server = opened(createServer(visit as never));
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    return (server.address() as { port: number }).port;
  };
  const at = (port: number, timeoutMs = 30_000) => ring({ host: HOST, port, expected: 'me', timeoutMs });

  test('is answered by whom it is meant for', async () => {
    expect(await at((await bell('me')).port)).toMatchObject({ how: 'reached' });
  });

  test('is answered by somebody else', async () => {
    expect(await at((await bell('another')).port)).toEqual({ how: 'wrong', who: 'another' });
  });

  test('is answered by one who hangs up without a word, or talks without end', async () => {
    expect(await at(await listener((socket) => socket.end()))).toEqual({
      how: 'wrong',
      who: 'somebody who says nothing',
    });
    expect(await at(await listener((socket) => void socket.on('error', () => {}).write('x'.repeat(100_000))))).toEqual({
      how: 'wrong',
      who: 'x'.repeat(80),
    });
  });

  test('is heard by nobody, or by one who never speaks', async () => {
    const [port = 0] = await freePorts(1);
    expect(await at(port)).toEqual({ how: 'refused' });
    const silent = await listener((socket) => void socket.on('error', () => {}).resume());
    expect(await at(silent, 300)).toEqual({ how: 'timeout', ms: 300 });
  });
});

describe('all tell all', () => {
  const SECRET = 'of this meeting';

  async function meeting(
    members: number,
  ): Promise<{ head: Exchange; port: number; worker: (rank: number, secret?: string) => Exchange }> {
    const [port = 0] = await freePorts(1);
    const board = { host: HOST, port, members };
    const head = opened(await openExchange({ ...board, rank: 0, secret: SECRET }));
    return { head, port, worker: (rank, secret = SECRET) => joinExchange({ ...board, rank, secret }) };
  }

  test('everybody hears everybody, whoever comes first, round after round', async () => {
    const { head, worker } = await meeting(3);
    for (const round of ['cards', 'tries']) {
      const words = await Promise.all([
        worker(2).tell(round, 'two'),
        head.tell(round, 'zero'),
        worker(1).tell(round, 'one'),
      ]);
      for (const heard of words)
        expect(heard.map(({ rank, text }) => [rank, text])).toEqual([
          [0, 'zero'],
          [1, 'one'],
          [2, 'two'],
        ]);
    }
  });

  test('a worker that comes before the head tries again', async () => {
    const [port = 0] = await freePorts(1);
    const board = { host: HOST, port, members: 2, secret: SECRET };
    const early = joinExchange({ ...board, rank: 1 }).tell('cards', 'one');
    const head = opened(await openExchange({ ...board, rank: 0 }));
    expect(await head.tell('cards', 'zero')).toHaveLength(2);
    expect(await early).toHaveLength(2);
  });

  test('strangers are hung up on, and what they said is not heard', async () => {
    const { head, port, worker } = await meeting(2);
    expect(await said(port, 'POST /doctor HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}')).toBe('');
    expect(await said(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n')).toBe('');
    const [heard] = await Promise.all([head.tell('cards', 'zero'), worker(1).tell('cards', 'one')]);
    expect(heard.map(({ text }) => text)).toEqual(['zero', 'one']);
  });

  test('a port that somebody took meanwhile is refused by name', async () => {
    const { port } = await meeting(2);
    await expect(openExchange({ host: HOST, port, members: 2, rank: 0, secret: SECRET })).rejects.toMatchObject({
      code: 'PORT_TAKEN',
    });
  });
});

/** Everything the other side says until it hangs up. */
function said(port: number, words: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: HOST, port });
    let heard = '';
    socket.on('data', (chunk) => {
      heard += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
    socket.write(words);
  });
}
