/** The rally of a group of one: nobody to wait for, no port, no gRPC loaded. */
import type { Hello, Peer, RallyHead } from './rally.ts';

export function soloRally({ member, incarnation, address, devices }: Hello): RallyHead {
  const self: Peer = { member, incarnation, rank: 0, address, devices };
  return {
    port: 0,
    assembled: Promise.resolve([self]),
    prepare: () => {},
    reached: async () => {},
    start: () => {},
    report: () => {},
    ended: new Promise(() => {}),
    stop: async () => {},
    handOver: async () => {},
  };
}
