/** A member that says in JSON what happens to it: `member-program.ts PORT TOKEN`. */
import { joinRally } from '../../../src/launch/rally/member.ts';
import { textLog } from '../../../src/log.ts';

const [port, token] = process.argv.slice(2);
const now = () => performance.now();
const say = (what: object) => process.stdout.write(`${JSON.stringify(what)}\n`);
const member = joinRally({
  head: { host: '127.0.0.1', port: Number(port) },
  self: {
    member: 'frozen',
    incarnation: 'feedfacefeedface',
    wantedRank: undefined,
    terms: {},
    digest: '',
    versions: {},
    devices: undefined,
    address: '127.0.0.1',
    fingerprint: undefined,
  },
  token,
  timeoutMs: 15_000,
  progressMs: 1000,
  log: textLog({ level: 'error', now, write: () => {} }),
  now,
});
member.seated.then(
  (seated) => say({ seated }),
  () => {},
);
member.started.then(
  () => say({ started: true }),
  () => {},
);
say({ ended: await member.ended });
