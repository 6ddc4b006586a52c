/** The way to the head, layer by layer: DNS, TCP. Each miss says at which layer, why, and what to look at. */
import { lookup as dnsLookup } from 'node:dns/promises';
import { connect, type Socket } from 'node:net';
import { hostPort, seconds } from './words.ts';

/** The layers of joining, in the order they are passed. */
export type Layer = 'DNS' | 'TCP' | 'TLS' | 'hello' | 'version' | 'plan' | 'GPU' | 'model' | 'seat';

/** An attempt that may be repeated. */
export class Missed extends Error {
  override readonly name = 'Missed';
  readonly layer: Layer;
  readonly hint: string;

  constructor(layer: Layer, why: string, hint: string) {
    super(why);
    this.layer = layer;
    this.hint = hint;
  }
}

/** Every address of a name, best first. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** The operating system's resolver, asked anew each time: a head that was rescheduled has another address. */
export const systemLookup: Lookup = async (host) =>
  (await dnsLookup(host, { all: true, order: 'verbatim' })).map(({ address }) => address);

/** @throws Missed */
export async function resolveHead(host: string, lookup: Lookup, withinMs: number): Promise<readonly string[]> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject({ code: 'ETIMEOUT' }), withinMs);
  try {
    const addresses = await Promise.race([lookup(host), late.promise]);
    if (addresses.length === 0) throw { code: 'ENODATA' };
    return addresses;
  } catch (cause) {
    throw missedName(codeOf(cause), withinMs);
  } finally {
    clearTimeout(timer);
  }
}

function missedName(code: string, withinMs: number): Missed {
  const service = 'is the head scheduled, and is its Service there with publishNotReadyAddresses: true?';
  if (code === 'ENOTFOUND' || code === 'ENODATA')
    return new Missed('DNS', `the name does not resolve (${code})`, service);
  if (code === 'ETIMEOUT')
    return new Missed('DNS', `no answer within ${seconds(withinMs)}`, "look at the cluster's DNS");
  return new Missed('DNS', `the name does not resolve now (${code})`, "look at the cluster's DNS");
}

export const codeOf = (cause: unknown): string =>
  typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : String(cause);

/** Connects and hangs up. @throws Missed */
export async function knock(address: string, port: number, withinMs: number): Promise<void> {
  const socket = connect({ host: address, port });
  const code = await outcome(socket, withinMs);
  socket.destroy();
  if (code === undefined) return;
  const where = hostPort(address, port);
  if (code === 'ECONNREFUSED')
    throw new Missed(
      'TCP',
      `${where} refuses (${code})`,
      'the machine is there, nobody listens yet: look at the log of the head',
    );
  if (code === 'ETIMEDOUT')
    throw new Missed(
      'TCP',
      `${where} does not answer within ${seconds(withinMs)}`,
      'is the port open between the machines (NetworkPolicy, firewall)?',
    );
  throw new Missed(
    'TCP',
    `${where} cannot be reached (${code})`,
    'is there a route between the machines (network, address family)?',
  );
}

/** Undefined: connected. */
function outcome(socket: Socket, withinMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('ETIMEDOUT'), withinMs);
    const done = (code?: string) => {
      clearTimeout(timer);
      resolve(code);
    };
    socket.once('connect', () => done()).on('error', (error) => done(codeOf(error)));
  });
}

export const WHICH_PORT = "is this the rally's port of the head, and does the head run muster?";
