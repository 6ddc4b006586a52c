/** A member that beats whatever it hears, and says `ready` after BEATS beats of the head: `beating-program.ts PORT BEATS`. */
import { Client, credentials } from '@grpc/grpc-js';
import { newNonce } from '../../../src/launch/rally/auth.ts';
import { FromHead, FromMember, HelloBody, PATH } from '../../../src/launch/rally/schema.ts';
import { hello } from '../../unit/rally/fixture.ts';

const [port, beats] = process.argv.slice(2).map(Number);
const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
const call = client.makeBidiStreamRequest(PATH.join, FromMember.encode, FromHead.decode);
const say = (message: NonNullable<FromMember>) => call.write(message);
let heard = 0;

call.on('data', (message: NonNullable<FromHead>) => {
  const body = () => HelloBody.encode(hello('stubborn', { address: '127.0.0.1' }));
  if (message.kind === 'challenge') say({ kind: 'hello', value: { body: body(), proof: Buffer.alloc(0) } });
  if (message.kind === 'beat') heard += 1;
  if (message.kind === 'beat' && heard === beats) say({ kind: 'report', value: { phase: 'ready' } });
  if (message.kind !== 'welcome') return;
  setInterval(() => say({ kind: 'beat', value: { seq: 0, missing: 0, missingRanks: [] } }), message.value.beatMs);
});
call.on('error', () => process.exit());
say({ kind: 'open', value: { nonce: newNonce(), hasToken: false, protocol: 1, member: 'stubborn' } });
