/** Up when the port accepts a connection. Says least of all probes: for servers that have no health endpoint. */
import { connect } from 'node:net';
import { type Address, formatAddress } from '../../../wire/address.ts';
import { wireErrorOf } from '../../../wire/wire-error.ts';
import { down, type Health, LOOK_LIMIT_MS, type Probe, UP } from './probe.ts';

export const tcpProbe = (address: Address): Probe => ({
  name: `tcp ${formatAddress(address)}`,
  look: (signal) => look(address, signal),
});

function look(address: Address, signal: AbortSignal): Promise<Health> {
  const target = formatAddress(address);
  const { promise, resolve } = Promise.withResolvers<Health>();
  const socket = connect({ host: address.host, port: address.port });
  const end = (health: Health) => {
    resolve(health);
    socket.destroy();
  };
  const late = () => end(down(`tcp: no connection to ${target} in time`));
  const timer = setTimeout(late, LOOK_LIMIT_MS);
  signal.addEventListener('abort', late, { once: true });
  if (signal.aborted) late();
  socket.once('connect', () => end(UP));
  socket.on('error', (error) => end(down(wireErrorOf(error, target, 'tcp').message)));
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', late);
  });
}
