/** The head that `scale.ts` measures, as its own process: `rally-head.ts SIZE`. Starts once all are in, answers what it costs. */
import { openRally } from '../../src/launch/rally/head.ts';
import { paceOf } from '../../src/launch/rally/pace.ts';
import { textLog } from '../../src/log.ts';
import { answerCosts, say, TOKEN } from './rally-process.ts';

const worldSize = Number(process.argv[2]);
const asked = { beatMs: 1000, leaseMs: 3000 };
const now = () => performance.now();
const head = await openRally({
  host: '127.0.0.1',
  port: 0,
  self: {
    member: 'head',
    incarnation: 'feedfacefeedface',
    wantedRank: 0,
    terms: { runtime: 'vllm', 'tensor-parallel-size': '8' },
    digest: '',
    versions: { muster: '0.1.0' },
    devices: 8,
    address: '127.0.0.1',
    fingerprint: undefined,
  },
  worldSize,
  token: TOKEN,
  timeoutMs: 120_000,
  ...asked,
  progressMs: 5000,
  devicesNeeded: undefined,
  generation: 1,
  // Lines are made as in real life, and not shown.
  log: textLog({ level: 'info', now, write: () => {} }),
  now,
});
head.ended.then((ending) => say({ ended: ending.message }));
answerCosts();
say({ port: head.port, beatMs: paceOf(worldSize, asked).beatMs });
head.start({ peers: await head.assembled, serverArgs: ['--model', '/model'], values: {} });
