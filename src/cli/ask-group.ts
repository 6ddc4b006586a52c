/** The two who can be asked about a group: the head's rally, and the resident server of any member. */
import { MusterError, reasonOf } from '../errors.ts';
import { PATH, StatusReply, StatusRequest } from '../launch/rally/schema.ts';
import { exchange } from '../launch/watch/probes/http-exchange.ts';
import type { StatusJson } from '../launch/watch/status-report.ts';
import { type Address, formatAddress } from '../wire/address.ts';
import { GrpcConnection } from '../wire/grpc-connection.ts';
import type { Dial } from '../wire/tls.ts';
import { WireError } from '../wire/wire-error.ts';
import type { GroupStatus } from './status-table.ts';

/** For one question. Milliseconds. */
const TIMEOUT_MS = 5_000;
/** A hundred thousand members of 150 bytes, twice. */
const MAX_REPLY_BYTES = 32 * 1024 * 1024;

/** @throws MusterError HEAD_UNREACHABLE, TLS_REFUSED */
export async function askRally(to: Address, tls?: Dial): Promise<GroupStatus> {
  const from = formatAddress(to);
  const connection = new GrpcConnection({ ...to, maxReplyBytes: MAX_REPLY_BYTES, tls });
  try {
    const call = { path: PATH.status, request: StatusRequest.encode({}), deadlineMs: TIMEOUT_MS };
    const { status, message, body } = await connection.call(call);
    if (status !== 0) throw new Error(`gRPC status ${status}: ${message}`);
    return ofReply(from, StatusReply.decode(body));
  } catch (cause) {
    if (cause instanceof WireError && cause.reason === 'untrusted') throw refused(from, cause);
    throw unreachable(`the rally at ${from} cannot be asked: ${reasonOf(cause)}`, cause);
  } finally {
    connection.close();
  }
}

const refused = (from: string, cause: WireError): MusterError =>
  new MusterError(
    {
      code: 'TLS_REFUSED',
      message: `the rally at ${from} cannot be asked: ${cause.message}`,
      hint: 'Give this command the TLS that the members have (--tls-dir, MUSTER_TLS_DIR), or none where they have none.',
    },
    { cause },
  );

function ofReply(from: string, reply: StatusReply): GroupStatus {
  const { generation, worldSize, stage, phase, members, awaited, refused, ageMs, ending } = reply;
  const whole = members.length === worldSize && members.every(({ connected }) => connected);
  const waits = stage === 'gathering' || stage === 'assembled';
  return {
    from,
    ready: phase === 'ready' && stage !== 'over' && whole,
    ...{ generation, worldSize, phase, ageMs, members, refused },
    awaited: waits && awaited !== '' ? awaited : undefined,
    over: ending && `${ending.code} ${ending.message} → ${ending.hint}`,
  };
}

/** @throws MusterError HEAD_UNREACHABLE */
export async function askResident(to: Address): Promise<GroupStatus> {
  const from = formatAddress(to);
  try {
    const report = (await statusOf(to)) as StatusJson;
    if (report?.v !== 1) throw new Error('what answers there is no muster, or one of another version');
    const { generation, worldSize, headPhase, upMs, ready, waiting, ending, members = [] } = report;
    return {
      from,
      ready: ready.yes,
      ...{ generation, worldSize, phase: headPhase, ageMs: upMs, members },
      awaited: waiting ?? (ending ? undefined : ready.why),
      refused: [],
      over: ending && `${ending.code} ${ending.message} → ${ending.hint}`,
    };
  } catch (cause) {
    throw unreachable(`the member at ${from} cannot be asked: ${reasonOf(cause)}`, cause);
  }
}

async function statusOf(to: Address): Promise<unknown> {
  const bounds = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_REPLY_BYTES, signal: new AbortController().signal };
  return JSON.parse((await exchange(to, { method: 'GET', path: '/status' }, bounds)).body.toString('utf8'));
}

const unreachable = (message: string, cause: unknown): MusterError =>
  new MusterError(
    {
      code: 'HEAD_UNREACHABLE',
      message,
      hint: 'Name the head with --rally host:port, or any member with --probe host:port (a group of one has no rally).',
    },
    { cause },
  );
