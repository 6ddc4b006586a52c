/**
 * `muster probe` for a Ray node, in a fresh process: one question to GCS. What an exec probe runs every few seconds.
 *
 * Loads the wire and the GCS client and nothing else, so that the process costs little more than starting Node.
 */
import { reasonOf } from '../../errors.ts';
import { formatAddress, parseAddress } from '../../wire/address.ts';
import { openGcs } from '../start/ray/gcs.ts';

export interface ProbeRay {
  /** `host:port` of GCS, e.g. of RAY_ADDRESS. */
  readonly address: string;
  /** At least so many nodes alive. @default 1 */
  readonly expectedAlive?: number;
  readonly token?: string | undefined;
  readonly timeoutMs: number;
}

/** Never throws. `line` is for people: `2 of 2 Ray nodes alive at 10.0.0.7:6379: head-1f, worker-1-2e`. */
export async function probeRay(input: ProbeRay): Promise<{ readonly ok: boolean; readonly line: string }> {
  const { address, expectedAlive = 1, token, timeoutMs } = input;
  const to = parseAddress(address);
  if ('error' in to) return { ok: false, line: to.error };
  const gcs = openGcs({ ...to, token });
  try {
    const alive = (await gcs.listNodes({ deadlineMs: timeoutMs })).filter((node) => node.alive);
    const names = alive.map(({ name }) => name).sort();
    return {
      ok: alive.length >= expectedAlive,
      line: `${alive.length} of ${expectedAlive} Ray nodes alive at ${formatAddress(to)}: ${names.join(', ') || 'none'}`,
    };
  } catch (error) {
    return { ok: false, line: reasonOf(error) };
  } finally {
    gcs.close();
  }
}
