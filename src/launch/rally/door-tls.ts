/**
 * TLS in front of the rally: takes those who show a certificate of our CA, and tells the others why not, in a frame that
 * their HTTP/2 understands. Loaded only where TLS is on.
 *
 * We end TLS ourselves and give grpc-js what is inside: it has no way to say why it hung up, or to renew a certificate.
 */
import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { Refusal } from '../../errors.ts';
import { ALPN, certificateOf, distrust, MIN_VERSION, type Tls, type TlsIdentity } from '../../wire/tls.ts';
import { sendOff } from './greeting.ts';
import { TIME } from './limits.ts';
import { brokenOff } from './refusals.ts';

export interface TlsDoorOptions {
  readonly tls: Tls;
  /** Shook hands, and its certificate holds. */
  readonly onTrusted: (socket: TLSSocket) => void;
  readonly onRefused: (from: string, refusal: Refusal) => void;
}

/** @returns what takes a connection that has begun with a TLS handshake */
export function tlsDoor({ tls, onTrusted, onRefused }: TlsDoorOptions): (socket: Socket) => void {
  let used = tls.identity();
  const server = createServer({
    ...contextOf(used),
    requestCert: true,
    // Looked at below, where the reason can be told.
    rejectUnauthorized: false,
    ALPNProtocols: ALPN,
    handshakeTimeout: TIME.handshakeMs,
  });
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    const refusal = judge(socket);
    if (!refusal) return onTrusted(socket);
    onRefused(socket.remoteAddress ?? 'unknown', refusal);
    dismiss(socket, refusal);
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    const why = (error.code ?? '').startsWith('ERR_SSL_') ? error.code : undefined;
    // A peer that only hangs up is no news.
    if (why) onRefused(socket.remoteAddress ?? 'unknown', brokenOff(why));
    socket.destroy();
  });
  return (socket) => {
    const now = tls.identity();
    if (now !== used) server.setSecureContext(contextOf(now));
    used = now;
    server.emit('connection', socket);
  };
}

/** Without tickets: a resumed session is not checked again, so one that was turned away would be let in. */
const contextOf = (identity: TlsIdentity) => ({
  ...identity,
  minVersion: MIN_VERSION,
  secureOptions: constants.SSL_OP_NO_TICKET,
});

function judge(socket: TLSSocket): Refusal | undefined {
  const x509 = socket.getPeerX509Certificate();
  if (socket.authorized && x509) return undefined;
  return distrust({
    code: String(socket.authorizationError),
    whose: 'member',
    certificate: x509 && certificateOf(x509),
    now: Date.now(),
  });
}

/** Says why, and closes: at once when the other side does, else a moment later. */
export function dismiss(socket: Socket, { message }: Refusal): void {
  socket.resume();
  socket.end(sendOff(message));
  const timer = setTimeout(() => socket.destroy(), TIME.farewellMs).unref();
  socket.once('close', () => clearTimeout(timer));
}
