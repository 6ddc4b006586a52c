/**
 * `muster status`: who is in, at which phase, and why the group is not ready. Status 0: ready; 75: not ready; 69: nobody
 * to ask. With --watch a frame a second until a signal, 128 + n.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { parseArgs } from 'node:util';
import { EXIT, type ExitStatus, MusterError } from '../errors.ts';
import type { Settings } from '../launch/args/options.ts';
import { parseFlags } from '../launch/args/parse-flags.ts';
import { resolveSettings } from '../launch/args/settings.ts';
import { gatherFacts, lookAtTls } from '../launch/facts/gather.ts';
import { detect } from '../launch/plan/topology/detectors.ts';
import { textLog } from '../log.ts';
import { signalNumber } from '../process/signals.ts';
import { type Address, parseAddress } from '../wire/address.ts';
import type { Dial } from '../wire/tls.ts';
import type { World } from '../world.ts';
import { askRally, askResident } from './ask-group.ts';
import { refuseIfAny } from './prepare.ts';
import { type GroupStatus, statusText } from './status-table.ts';

const FRAME_MS = 1_000;
const CLEAR = '\x1b[2J\x1b[H';

export async function statusCommand(world: World, argv: readonly string[]): Promise<ExitStatus> {
  const { watch, json, rally, probe, tls } = parseOrRefuse(argv);
  const look = probe ? () => askResident(probe) : await rallyLook(world, rally, tls);
  const render = json ? (status: GroupStatus) => `${JSON.stringify(status)}\n` : statusText;
  if (watch) return watchIt(world, look, render);
  const status = await look();
  world.stdout(render(status));
  return status.ready ? EXIT.ok : EXIT.rallyTimeout;
}

async function rallyLook(world: World, asked: Address | undefined, flags: readonly string[]) {
  const { settings, refusals } = resolveSettings(parseFlags(flags).flags, world.env);
  refuseIfAny(refusals);
  const { host = asked?.host, port } = asked ?? (await rallyAddress(settings, world));
  const to = { host: host ?? '127.0.0.1', port };
  // On the head's own machine its name may not be known; that it has the right CA is enough there.
  const dial = await dialling(world, settings, host);
  return () => askRally(to, dial());
}

/** Where this member's launch would look for its head; without a word about it, this machine. */
async function rallyAddress(settings: Settings, { env }: World): Promise<{ host: string | undefined; port: number }> {
  const { facts } = await gatherFacts(settings, env);
  const size = settings['world-size']?.value;
  const { detected } = detect({ ...env, MUSTER_WORLD_SIZE: size === undefined ? undefined : String(size) }, facts.host);
  const host = settings['head-address'] ?? detected.headAddress;
  return { host: host?.value, port: settings['rally-port']?.value ?? 7600 };
}

/** How to dial now: a certificate that is renewed while somebody watches serves the next frame. */
async function dialling(world: World, settings: Settings, host: string | undefined): Promise<() => Dial | undefined> {
  const { read, refusals } = await lookAtTls(settings);
  refuseIfAny(refusals);
  if (!read) return () => undefined;
  const { TlsKeeper } = await import('../launch/facts/tls-keeper.ts');
  const { dialOptions } = await import('../wire/tls.ts');
  const name = settings['tls-name']?.value;
  const log = textLog({ level: 'warn', now: world.now, write: world.stderr, who: 'status' });
  const keeper = new TlsKeeper(read, { name, log, wallClock: () => Date.now() });
  return () => dialOptions(keeper.identity(), name ?? host);
}

async function watchIt(
  world: World,
  look: () => Promise<GroupStatus>,
  render: (status: GroupStatus) => string,
): Promise<ExitStatus> {
  const stopped = new AbortController();
  const deaf = world.onSignal((signal) => {
    if (ENDS.includes(signal)) stopped.abort(signal);
  });
  const clear = isatty(1) ? CLEAR : '';
  try {
    while (!stopped.signal.aborted) {
      const frame = await Promise.race([look().then(render, inWords), aborted(stopped.signal)]);
      if (frame !== undefined) world.stdout(`${clear}${frame}`);
      await sleep(FRAME_MS, undefined, { signal: stopped.signal }).catch(() => {});
    }
    return 128 + signalNumber(stopped.signal.reason as NodeJS.Signals);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return EXIT.ok; // the reader has seen enough
    throw error;
  } finally {
    deaf();
  }
}

const ENDS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

/** A head that is not there is a frame of its own: it may come. */
function inWords(error: unknown): string {
  if (error instanceof MusterError) return `UNREACHABLE  ${error.message}\n`;
  throw error;
}

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }));

const TEXT = { type: 'string' } as const;
/** The same as of `muster launch`. */
const TLS = { 'tls-dir': TEXT, 'tls-cert': TEXT, 'tls-key': TEXT, 'tls-ca': TEXT, 'tls-name': TEXT };

function parseOrRefuse(argv: readonly string[]) {
  try {
    const flag = { type: 'boolean' } as const;
    const { values } = parseArgs({
      args: [...argv],
      options: { watch: flag, json: flag, rally: TEXT, probe: TEXT, ...TLS },
    });
    const { watch = false, json = false, rally, probe, ...others } = values;
    const tls = Object.entries(others).map(([name, value]) => `--${name}=${value}`);
    return { watch, json, rally: addressOf('--rally', rally), probe: addressOf('--probe', probe), tls };
  } catch (cause) {
    if (cause instanceof MusterError) throw cause;
    throw usage((cause as Error).message.split('. ')[0] ?? 'the arguments cannot be read');
  }
}

function addressOf(name: string, text: string | undefined): Address | undefined {
  if (text === undefined) return undefined;
  const address = parseAddress(text);
  if ('error' in address) throw usage(`${name}: ${address.error}`);
  return address;
}

const usage = (message: string): MusterError =>
  new MusterError({ code: 'USAGE', message, hint: 'See `muster status --help`.' });
