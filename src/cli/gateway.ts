/** `muster gateway`: HTTP in, gRPC out. Its options are KServe's; src/gateway/options.ts has them all. */
import { setFlagsFromString } from 'node:v8';
import type { ExitStatus } from '../errors.ts';
import { runGateway } from '../gateway/gateway.ts';
import { resolveGateway } from '../gateway/settings.ts';
import { jsonLog, textLog } from '../log.ts';
import type { World } from '../world.ts';
import { refuseIfAny } from './prepare.ts';

export async function gatewayCommand(world: World, argv: readonly string[]): Promise<ExitStatus> {
  const { settings, notes, refusals } = resolveGateway(argv, world.env);
  refuseIfAny(refusals);
  if (!settings) throw new Error('settings that are not refused are settings');
  const options = { level: settings.log_level, now: world.now, write: world.stderr, who: 'gateway' };
  const log = settings.log_format === 'json' ? await jsonLog(options) : textLog(options);
  for (const note of notes) log.warn(note);
  countTensorsAsHeap();
  return runGateway(settings, world, log);
}

/**
 * Tensors lie outside V8's heap, which by itself marks everything after each 64 MiB of them: every 20 requests of an image.
 * Counted as part of the heap they are freed when that has grown: 40 % less CPU a request (docs/decisions/0009).
 */
const countTensorsAsHeap = (): void => setFlagsFromString('--external-memory-accounted-in-global-limit');
