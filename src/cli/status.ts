/**
 * `muster status`: who is in, at which phase, and why the group is not ready. Status 0: ready; 75: not ready; 69: nobody
 * to ask. With --watch a frame a second until a signal, 128 + n.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { parseArgs } from 'node:util';
import { EXIT, type ExitStatus, MusterError } from '../errors.ts';
import { parseFlags } from '../launch/args/parse-flags.ts';
import { resolveSettings } from '../launch/args/settings.ts';
import { gatherFacts } from '../launch/facts/gather.ts';
import { detect } from '../launch/plan/topology/detectors.ts';
import { signalNumber } from '../process/signals.ts';
import { type Address, parseAddress } from '../wire/address.ts';
import type { World } from '../world.ts';
import { askRally, askResident } from './ask-group.ts';
import { refuseIfAny } from './prepare.ts';
import { type GroupStatus, statusText } from './status-table.ts';

const FRAME_MS = 1_000;
const CLEAR = '\x1b[2J\x1b[H';

export async function statusCommand(world: World, argv: readonly string[]): Promise<ExitStatus> {
  const { watch, json, rally, probe } = parseOrRefuse(argv);
  const look = probe ? () => askResident(probe) : await rallyLook(world, rally);
  const render = json ? (status: GroupStatus) => `${JSON.stringify(status)}\n` : statusText;
  if (watch) return watchIt(world, look, render);
  const status = await look();
  world.stdout(render(status));
  return status.ready ? EXIT.ok : EXIT.rallyTimeout;
}

const rallyLook = async (world: World, asked: Address | undefined) => {
  const to = asked ?? (await rallyAddress(world));
  return () => askRally(to);
};

/** Where this member's launch would look for its head; without a word about it, this machine. */
async function rallyAddress({ env }: World): Promise<Address> {
  const { settings, refusals } = resolveSettings(parseFlags([]).flags, env);
  refuseIfAny(refusals);
  const { facts } = await gatherFacts(settings, env);
  const size = settings['world-size']?.value;
  const { detected } = detect({ ...env, MUSTER_WORLD_SIZE: size === undefined ? undefined : String(size) }, facts.host);
  const host = settings['head-address'] ?? detected.headAddress;
  return { host: host?.value ?? '127.0.0.1', port: settings['rally-port']?.value ?? 7600 };
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

function parseOrRefuse(argv: readonly string[]) {
  try {
    const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const;
    const { values } = parseArgs({ args: [...argv], options: { watch: flag, json: flag, rally: text, probe: text } });
    const { watch = false, json = false, rally, probe } = values;
    return { watch, json, rally: addressOf('--rally', rally), probe: addressOf('--probe', probe) };
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
