/** A head as its own process: starts the group once all are in, answers every line with what it is: `head-program.ts SIZE`. */
import { createInterface } from 'node:readline';
import { openRally } from '../../../src/launch/rally/head.ts';
import { textLog } from '../../../src/log.ts';
import { hello } from '../../unit/rally/fixture.ts';

const now = () => performance.now();
const say = (what: object) => process.stdout.write(`${JSON.stringify(what)}\n`);
const head = await openRally({
  host: '127.0.0.1',
  port: 0,
  self: hello('head', { wantedRank: 0, address: '127.0.0.1' }),
  worldSize: Number(process.argv[2]),
  token: undefined,
  timeoutMs: 30_000,
  beatMs: 500,
  leaseMs: 5000,
  progressMs: 5000,
  devicesNeeded: undefined,
  generation: 1,
  log: textLog({ level: 'error', now, write: () => {} }),
  now,
});
let ended: string | undefined;
head.ended.then((ending) => {
  ended = ending.message;
});
say({ port: head.port });
head.start({ peers: await head.assembled, serverArgs: [], values: {} });
createInterface({ input: process.stdin }).on('line', () => say({ rssMib: process.memoryUsage.rss() / 2 ** 20, ended }));
