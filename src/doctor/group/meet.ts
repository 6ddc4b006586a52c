/** The members meet at the head as they would for a launch; then the head's port becomes the place where all tell all. */
import { hash, randomBytes } from 'node:crypto';
import { MusterError, reasonOf } from '../../errors.ts';
import type { Plan } from '../../launch/plan/plan.ts';
import { endpoint } from '../../launch/plan/render.ts';
import { endingOf, errorOf } from '../../launch/rally/endings.ts';
import { openRally } from '../../launch/rally/head.ts';
import { joinRally } from '../../launch/rally/member.ts';
import type { Ending, Hello, Peer, RallyHead } from '../../launch/rally/rally.ts';
import { helloOf } from '../../launch/self.ts';
import type { Log } from '../../log.ts';
import type { Tls } from '../../wire/tls.ts';
import { type Board, type Exchange, joinExchange, openExchange } from './exchange.ts';
import { type Guest, TIME } from './words.ts';

/** What a launch would meet with. */
export interface Invited {
  readonly plan: Plan;
  /** The group's secret. */
  readonly token: string | undefined;
}

export interface Meet {
  readonly invited: Invited;
  /** As for a launch; undefined: plain. */
  readonly tls: Tls | undefined;
  /** Where the head listens. */
  readonly listenHost: string;
  readonly musterVersion: string;
  readonly log: Log;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
}

export interface Met {
  readonly rank: number;
  readonly guests: readonly Guest[];
  readonly exchange: Exchange;
  /** Known to the members only: what they expect to hear from each other. */
  readonly secret: string;
}

/** @throws MusterError what the rally says: who is missing, at which layer, or why it refused us */
export const meet = (input: Meet): Promise<Met> =>
  input.invited.plan.role.value === 'head' ? lead(input) : follow(input);

async function lead(input: Meet): Promise<Met> {
  const { invited, listenHost, tls, log, now } = input;
  const { plan, token } = invited;
  const port = plan.ports.rally.value;
  const rally = await openRally({
    host: listenHost,
    port,
    self: selfOf(input),
    worldSize: plan.worldSize.value,
    token,
    tls,
    ...patience(plan),
    beatMs: plan.timing.beatMs.value,
    leaseMs: plan.timing.leaseMs.value,
    devicesNeeded: undefined,
    generation: 1,
    log,
    now,
  });
  const { peers, secret } = await dismiss(rally, endpoint(plan.address.value, port));
  const board: Board = { host: listenHost, port, members: peers.length, rank: 0, secret };
  return { rank: 0, guests: peers.map(asGuest), exchange: await openExchange(board), secret };
}

/** Everybody is in, hears who the others are, and hangs up: the port is free again. */
async function dismiss(rally: RallyHead, address: string): Promise<{ peers: readonly Peer[]; secret: string }> {
  const ended = rally.ended.then((ending): never => {
    throw errorOf(ending);
  });
  ended.catch(() => {});
  try {
    const peers = await Promise.race([rally.assembled, ended]);
    const secret = randomBytes(16).toString('hex');
    rally.prepare({ address, secret });
    rally.start({ peers, serverArgs: [], values: { members: JSON.stringify(peers.map(asGuest)) } });
    await Promise.race([rally.reached('handed-over'), ended]);
    await rally.handOver();
    return { peers, secret };
  } catch (error) {
    // Who waits is told why.
    await rally.stop(failure(error));
    throw error;
  }
}

function failure(error: unknown): Ending {
  if (!(error instanceof MusterError))
    return endingOf({ code: 'BUG', message: reasonOf(error), hint: 'Report this as a bug of muster.' });
  const { code, message, hint } = error;
  return endingOf({ code, message, hint });
}

const asGuest = ({ rank, member, address }: Peer): Guest => ({ rank, member, address });

async function follow(input: Meet): Promise<Met> {
  const { invited, tls, log, now } = input;
  const { plan, token } = invited;
  const { headAddress, ports } = plan;
  if (!headAddress) throw new Error('a worker without a head address is refused by the plan');
  const head = { host: headAddress.value, port: ports.rally.value };
  const rally = joinRally({ head, self: selfOf(input), token, tls, ...patience(plan), log, now });
  const { rank } = await rally.seated;
  const { secret = '' } = await rally.prepared;
  const { values } = await rally.started;
  await rally.handOver();
  const guests = JSON.parse(values.members ?? '[]') as Guest[];
  const exchange = joinExchange({ ...head, members: guests.length, rank, secret });
  return { rank, guests, exchange, secret };
}

/** Where nobody said how long, a minute: who examines sits in front of it. */
const patience = ({ timing }: Plan) => ({
  timeoutMs: timing.rallyMs.origin === 'default' ? TIME.meetMs : timing.rallyMs.value,
  progressMs: timing.progressMs.value,
});

/**
 * Its runtime is the doctor, so that a launch and an examination that meet at one port refuse each other; what else differs is
 * for the findings, not a reason to turn anybody away.
 */
function selfOf({ invited: { plan }, musterVersion }: Meet): Hello {
  const terms = { runtime: 'muster doctor --group', 'world size': String(plan.worldSize.value) };
  const { member, incarnation, wantedRank, address } = helloOf(plan, {});
  return {
    ...{ member, incarnation, wantedRank, address, terms },
    digest: hash('sha256', JSON.stringify(terms)),
    versions: { muster: musterVersion },
    devices: undefined,
    fingerprint: undefined,
  };
}
