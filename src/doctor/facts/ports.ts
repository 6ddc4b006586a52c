/** Which of the planned ports are free now, and whose they are. */

import { isLoopback } from '../../launch/plan/auth.ts';
import { exchange } from '../../launch/watch/probes/http-exchange.ts';
import { type PortTaken, portFree } from '../../wire/port.ts';
import type { Needs, PlannedPort } from '../needs.ts';

export interface PortFacts {
  readonly planned: readonly { readonly port: PlannedPort; readonly state: true | PortTaken }[];
  /** A muster answers at the probe port: what is taken may be taken by the launch that runs here. */
  readonly musterRuns: boolean;
}

export async function lookAtPorts(needs: Needs): Promise<PortFacts> {
  const host = listenHost(needs);
  const looked = needs.ports.map(async (port) => ({
    port,
    // Ray binds every interface whatever it is told, and so do most servers.
    state: await portFree(port.use === 'rally' ? host : anyHost(needs), port.port),
  }));
  const planned = await Promise.all(looked);
  const probe = planned.find(({ port, state }) => port.use === 'probe' && state !== true);
  return { planned, musterRuns: probe !== undefined && (await isMuster(probe.port.port)) };
}

/** Where the head's rally listens: members may come over any interface, but loopback stays on loopback. */
export const listenHost = (needs: Needs): string => (isLoopback(needs.headAddress) ? '127.0.0.1' : anyHost(needs));

const anyHost = ({ address }: Needs): string => (address.includes(':') ? '::' : '0.0.0.0');

const ASK_MS = 1_000;

async function isMuster(port: number): Promise<boolean> {
  const bounds = { timeoutMs: ASK_MS, maxBytes: 1024 * 1024, signal: new AbortController().signal };
  try {
    const { body } = await exchange({ host: '127.0.0.1', port }, { method: 'GET', path: '/status' }, bounds);
    return (JSON.parse(body.toString('utf8')) as { v?: unknown }).v === 1;
  } catch {
    return false;
  }
}
