/**
 * Simulated members for `scale.ts`: `rally-members.ts PORT FROM TO`, each with a connection of its own, all at once.
 *
 * Real HTTP/2, gRPC and protobuf, but node:http2 instead of grpc-js: in life a thousand members have a thousand
 * machines, here they share the one core that the head leaves them.
 */
import { randomBytes } from 'node:crypto';
import { type ClientHttp2Stream, connect } from 'node:http2';
import { memberProof, newNonce } from '../../src/launch/rally/auth.ts';
import { FromHead, FromMember, HelloBody, PATH } from '../../src/launch/rally/schema.ts';
import { answerCosts, clock, say, TOKEN } from './rally-process.ts';

const [port = 0, from = 0, to = 0] = process.argv.slice(2).map(Number);
const JOIN = { ':method': 'POST', ':path': PATH.join, 'content-type': 'application/grpc', te: 'trailers' };
const BEAT = framed({ kind: 'beat', value: { seq: 1, missing: 0, missingRanks: [] } });
let seated = 0;

function framed(message: NonNullable<FromMember>): Buffer {
  const bytes = FromMember.encode(message);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** Calls `hears` for each message that came. */
function unframe(stream: ClientHttp2Stream, hears: (message: NonNullable<FromHead>) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  stream.on('data', (data: Buffer) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const end = 5 + rest.readUInt32BE(1);
      const message = FromHead.decode(rest.subarray(5, end));
      rest = rest.subarray(end);
      if (message) hears(message);
    }
  });
}

function join(rank: number): void {
  const session = connect(`http://127.0.0.1:${port}`).on('error', (error) => say({ failed: error.message }));
  const stream = session.request(JOIN, { endStream: false });
  stream.on('error', (error) => say({ failed: error.message }));
  const nonce = newNonce();
  const hello = HelloBody.encode({
    member: `model-0-${rank}.model-0.serving.svc.cluster.local`,
    incarnation: randomBytes(8).toString('hex'),
    wantedRank: rank,
    preferredRank: undefined,
    terms: { runtime: 'vllm', 'tensor-parallel-size': '8' },
    digest: '',
    versions: { muster: '0.1.0' },
    devices: 8,
    address: '127.0.0.1',
    fingerprint: undefined,
  });
  stream.write(framed({ kind: 'open', value: { nonce, hasToken: true, protocol: 1, member: `worker-${rank}` } }));
  unframe(stream, (message) => {
    if (message.kind === 'challenge') {
      const proof = memberProof(TOKEN, { member: nonce, head: message.value.nonce }, hello);
      stream.write(framed({ kind: 'hello', value: { body: hello, proof } }));
    }
    if (message.kind === 'welcome') welcomed(stream, message.value.beatMs);
    if (message.kind === 'stop' || message.kind === 'refused') say({ failed: JSON.stringify(message.value) });
  });
}

function welcomed(stream: ClientHttp2Stream, beatMs: number): void {
  seated += 1;
  if (seated === to - from) say({ seatedAt: clock() });
  const beat = () => {
    stream.write(BEAT);
    setTimeout(beat, beatMs * (0.9 + 0.2 * Math.random()));
  };
  setTimeout(beat, beatMs * Math.random());
}

answerCosts();
say({ beganAt: clock() });
for (let rank = from; rank < to; rank += 1) join(rank);
