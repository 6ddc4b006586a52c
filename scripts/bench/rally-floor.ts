/**
 * The least that any registry on grpc-js costs, for `scale.ts` to stand beside: the same streams and the same messages,
 * no token, no ranks, no leases, nothing decided. `rally-floor.ts SIZE`
 */
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { paceOf } from '../../src/launch/rally/pace.ts';
import { FromHead, FromMember, PATH } from '../../src/launch/rally/schema.ts';
import { answerCosts, say } from './rally-process.ts';

const worldSize = Number(process.argv[2]);
const { beatMs, leaseMs } = paceOf(worldSize, { beatMs: 1000, leaseMs: 3000 });
const calls = new Set<ServerDuplexStream<FromMember, FromHead>>();
let rank = 0;

function join(call: ServerDuplexStream<FromMember, FromHead>): void {
  calls.add(call);
  call.on('error', () => {});
  call.on('data', (message: FromMember) => {
    if (message?.kind === 'open') call.write({ kind: 'challenge', value: CHALLENGE });
    if (message?.kind !== 'hello') return;
    rank += 1;
    const names = { head: 'head', headIncarnation: 'feedfacefeedface', headPhase: 'joined' } as const;
    call.write({
      kind: 'welcome',
      value: { rank, worldSize, generation: 1, beatMs, leaseMs, leftMs: 0, ...names },
    });
  });
}

const CHALLENGE = { nonce: Buffer.alloc(32), proof: Buffer.alloc(32), hasToken: true, protocol: 1 };

setInterval(() => {
  const beat = { kind: 'beat', value: { seq: 1, missing: 0, missingRanks: [] } } as const;
  for (const call of calls) call.write(beat);
}, beatMs);

const server = new Server({ 'grpc.enable_channelz': 0 });
server.register(PATH.join, join, FromHead.encode, FromMember.decode, 'bidi');
answerCosts();
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_error, port) => say({ port, beatMs }));
