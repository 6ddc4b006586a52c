/** A resident server on port 0 with a board of its own, closed with the test. */
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { BoardKeeper } from '../../../src/launch/watch/board-keeper.ts';
import { openResident, type Resident, type ResidentOptions } from '../../../src/launch/watch/resident.ts';
import { SELF } from '../../unit/watch/fixture.ts';

export interface Running extends Resident {
  readonly keeper: BoardKeeper;
}

/** A member that knows of nobody and waits for nobody. */
export const NOBODY = { group: () => undefined, waiting: () => undefined, version: '1.2.3', epochMs: 0 } as const;

export async function aResident(how: Partial<ResidentOptions> = {}): Promise<Running> {
  const now = () => performance.now();
  const keeper = how.keeper ?? new BoardKeeper({ ...SELF, role: 'head', rank: 0, member: 'head' }, now);
  const options = { host: '127.0.0.1', port: 0, keeper, secrets: [], now, ...NOBODY };
  const resident = await openResident({ ...options, ...how });
  onTestFinished(() => resident.close());
  return { ...resident, keeper };
}

/** A raw connection, for what no client would send. */
export function raw(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  return new Promise((resolve, reject) => socket.once('connect', () => resolve(socket)).once('error', reject));
}

/** All that comes until the peer closes. */
export function until(socket: Socket, event: 'close'): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => socket.once(event, () => resolve(Buffer.concat(chunks).toString('latin1'))));
}
