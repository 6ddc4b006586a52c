/**
 * Ray as the engine: the head's `ray start --head`, a worker's `ray start --address`, and the gate that asks GCS for
 * exactly the members. Everything that takes Ray long to say is asked before (docs/ray.md).
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { MusterError, type Refusal } from '../../../errors.ts';
import type { Command } from '../../../process/command.ts';
import { type Child, start } from '../../../process/spawn.ts';
import { parseAddress } from '../../../wire/address.ts';
import { portFree } from '../../../wire/port.ts';
import { endpoint, serverEnv as environmentOf } from '../../plan/render.ts';
import type { EngineCall, Peer } from '../../rally/rally.ts';
import { type Engine, type EngineContext, type EngineSession, NEVER } from '../engine.ts';
import { portTaken } from '../port-taken.ts';
import { awaitGate } from './await-gate.ts';
import { awaitGcs } from './await-gcs.ts';
import {
  type Argv,
  deviceCounts,
  hasTokenAuth,
  nodeName,
  rayEnv,
  rayStartHead,
  rayStartWorker,
  serverEnv,
} from './command.ts';
import { diagnoseRayStart } from './diagnose.ts';
import type { ExpectedNode } from './gate.ts';
import { type Gcs, openGcs } from './gcs.ts';
import { findRay, type InstalledRay } from './installed.ts';
import { readRayLogs } from './read-logs.ts';
import { markSession, rayTempOf } from './sessions.ts';
import { rayToken, userToken } from './token.ts';
import { watchNode } from './watch-node.ts';

export function rayEngine(context: EngineContext): Engine {
  const ray = findRay(context.env.PATH ?? '');
  return {
    open: () => open(context, ray),
    join: (call) => join(context, ray, call),
    joinCommand: async (call) => {
      await awaitHead(context, ray, call);
      return workerCommand(context, ray, call);
    },
  };
}

async function open(context: EngineContext, ray: InstalledRay): Promise<EngineSession> {
  const { plan } = context;
  // Ray binds every interface whatever it is told.
  const free = await portFree('0.0.0.0', plan.ports.engine.value);
  if (free !== true) throw new MusterError(portTaken("the port of Ray's GCS", plan.ports.engine, free));
  const ours = userToken(context.env) === undefined && hasTokenAuth(ray.version);
  const call: EngineCall = {
    address: endpoint(plan.address.value, plan.ports.engine.value),
    secret: ours ? randomBytes(16).toString('hex') : undefined,
  };
  // A server that replaces us finds Ray in the background; one that we supervise has it as a sibling to watch.
  const block = plan.takeover.value === 'supervise';
  const argv = rayStartHead({ ...common(context, ray), port: plan.ports.engine.value, block });
  return begin(context, { ray, call, command: rayCommand(context, call, argv), block });
}

async function join(context: EngineContext, ray: InstalledRay, call: EngineCall): Promise<EngineSession> {
  await awaitHead(context, ray, call);
  return begin(context, { ray, call, command: workerCommand(context, ray, call), block: true });
}

/** Ray itself would wait 20 times 41 s without a word, and retry a name that does not exist like a refused port. */
async function awaitHead(context: EngineContext, ray: InstalledRay, call: EngineCall): Promise<void> {
  const gcs = connect(context, call);
  await awaitGcs({ ...waiting(context), gcs, head: call.address, localVersion: ray.version }).finally(() =>
    gcs.close(),
  );
}

const waiting = ({ plan, log, waits, now, signal }: EngineContext) => ({
  timeoutMs: plan.timing.rallyMs.value,
  progressMs: plan.timing.progressMs.value,
  log,
  waits,
  now,
  signal,
});

const workerCommand = (context: EngineContext, ray: InstalledRay, call: EngineCall): Command =>
  rayCommand(context, call, rayStartWorker({ ...common(context, ray), headAddress: call.address }));

function rayCommand(context: EngineContext, call: EngineCall, argv: Argv): Command {
  const { plan, env } = context;
  const token = ownToken(context, call);
  return { argv, env: { ...environmentOf(plan, env, {}), ...rayEnv(plan.role.value, { token, user: env }) } };
}

interface Begin {
  readonly ray: InstalledRay;
  readonly call: EngineCall;
  readonly command: Command;
  /** `ray start --block`: it stays, and its end is Ray's end. */
  readonly block: boolean;
}

/**
 * Starts this member's Ray. Resolves on the head once GCS answers, so that workers can start theirs while its own node
 * comes up; on a worker once GCS lists its node. A Ray that fails first ends it with Ray's own words.
 */
async function begin(context: EngineContext, { ray, call, command, block }: Begin): Promise<EngineSession> {
  const { log } = context;
  const since = Date.now();
  log.info(`starting Ray ${ray.version ?? '(version unknown)'}`, { address: call.address });
  let isUp = false;
  const onLine = (line: string) => {
    isUp ||= line.includes('Ray runtime started');
    log.debug(`ray: ${line}`);
  };
  const child = await start(command, { stdio: 'capture', onLine });
  const gcs = connect(context, call);
  const failed = failure({ context, child, block, since });
  const stop = async (graceMs: number) => {
    gcs.close();
    await child.stop(isUp ? graceMs : Math.min(graceMs, STARTING_GRACE_MS));
  };
  const name = nodeName(context.plan.member.value, context.incarnation);
  const up = awaitGcs({ ...waiting(context), gcs, head: call.address, localVersion: undefined });
  const listing = up.then(() => listed(gcs, name, context.signal));
  // Its agents wipe their environment; should the raylet be killed, nothing ties them to us any more.
  listing.then(() => child.remember()).catch(() => {});
  try {
    await Promise.race([context.plan.role.value === 'head' ? up : listing, failed]);
  } catch (error) {
    await stop(0);
    throw error;
  }
  markSession(rayTempOf(context.plan.recipe.rayArgs), context.plan.member.value, since);
  return {
    call,
    serverEnv: serverEnv(call.address, ownToken(context, call)),
    lost: watch({ context, gcs, name, failed, listing }),
    gate: (peers) => gate({ context, gcs, failed, peers }).then(() => child.remember()),
    lastLines: child.lastLines,
    stop,
  };
}

/**
 * Until SIGKILL, milliseconds, before `ray start` says that it is up: it then hears no SIGTERM, for it sits in a call that
 * looks for the GCS which did hear it (measured: it would sit there until any grace is over).
 */
const STARTING_GRACE_MS = 500;

interface Failure {
  readonly context: EngineContext;
  readonly child: Child;
  readonly block: boolean;
  readonly since: number;
}

/** Rejects when `ray start` ends although it should stay, or with a status that is not 0; handled by nobody, it is quiet. */
function failure({ context, child, block, since }: Failure): Promise<never> {
  const failed = child.exited.then((status): Promise<never> => {
    if (!block && status === 0) return NEVER;
    const logs = readRayLogs(context.plan.recipe.rayArgs, since);
    throw new MusterError(diagnoseRayStart({ status, lines: child.lastLines(), logs }));
  });
  failed.catch(() => {});
  return failed;
}

/** What every `ray start` of ours says, head or worker. */
function common({ plan, incarnation }: EngineContext, ray: InstalledRay) {
  return {
    ray: ray.command,
    nodeName: nodeName(plan.member.value, incarnation),
    address: plan.address.value,
    ...deviceCounts(plan.devices),
    extraArgs: plan.recipe.rayArgs,
  };
}

/** The generation's own token; undefined: the user's settings, if any, are in the environment already. */
const ownToken = ({ token }: EngineContext, call: EngineCall): string | undefined =>
  call.secret === undefined ? undefined : rayToken(token, call.secret);

function connect(context: EngineContext, call: EngineCall): Gcs {
  const to = parseAddress(call.address);
  if ('error' in to)
    throw new MusterError({ code: 'PROTOCOL', message: to.error, hint: 'Run the same muster on every member.' });
  return openGcs({ ...to, token: ownToken(context, call) ?? (userToken(context.env) || undefined) });
}

interface GateInput {
  readonly context: EngineContext;
  readonly gcs: Gcs;
  readonly failed: Promise<never>;
  readonly peers: readonly Peer[];
}

/** A `ray start` of ours that ends while we wait is better news than a timeout. */
async function gate({ context, gcs, failed, peers }: GateInput): Promise<void> {
  const expected = peers.map((peer) => expectedNode(peer, context.plan.devices.kind));
  await Promise.race([awaitGate({ ...waiting(context), gcs, expected }), failed]);
}

const expectedNode = ({ member, incarnation, rank, devices }: Peer, kind: 'gpu' | 'cpu'): ExpectedNode => ({
  name: nodeName(member, incarnation),
  member,
  rank,
  resources: devices ? { [kind === 'gpu' ? 'GPU' : 'CPU']: devices } : {},
});

interface Watch {
  readonly context: EngineContext;
  readonly gcs: Gcs;
  readonly name: string;
  readonly failed: Promise<never>;
  readonly listing: Promise<void>;
}

/** A running `ray start --block` proves nothing: GCS is asked for our own node too. Before it was listed it cannot be lost. */
function watch({ context, gcs, name, failed, listing }: Watch): Promise<Refusal> {
  const { plan, signal } = context;
  let wasUp = false;
  const lost = (what: string): Refusal => ({
    code: 'ENGINE_LOST',
    message: `Ray of ${plan.member.value} is lost: ${what}`,
    hint: "Ray's own logs are in session_latest/logs of its temp dir (default /tmp/ray).",
  });
  const exit = failed.catch(
    ({ code, message, hint }: MusterError): Refusal => (wasUp ? lost(message) : { code, message, hint }),
  );
  const node = listing.then(() => {
    wasUp = true;
    return watchNode({ gcs, name, signal });
  });
  return Promise.race([
    exit,
    node.then(
      (loss) => (loss ? lost(loss.message) : NEVER),
      () => NEVER,
    ),
  ]);
}

/** GCS lists a node about a second after GCS itself answers; before that its absence is no loss. */
async function listed(gcs: Gcs, name: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const nodes = await gcs.listNodes({ deadlineMs: 2000, signal }).catch(() => []);
    if (nodes.some((node) => node.name === name)) return;
    await sleep(250, undefined, { signal }).catch(() => undefined);
  }
}
