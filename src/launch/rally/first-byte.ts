/** Whether a connection begins with TLS, told by its first byte; what was read goes back into the socket. */
import type { Socket } from 'node:net';

/** A TLS record that holds a handshake (RFC 8446, 5.1). HTTP/2 begins with `P`. */
const HANDSHAKE = 22;

/** @param decided is called once, with the socket paused; not at all when nothing comes */
export function onFirstByte(socket: Socket, decided: (isTls: boolean) => void): void {
  socket.once('data', (chunk: Buffer) => {
    socket.pause();
    socket.unshift(chunk);
    decided(chunk[0] === HANDSHAKE);
  });
}
