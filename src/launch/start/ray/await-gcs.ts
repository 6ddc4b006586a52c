/**
 * Before a worker runs `ray start --address`: is GCS there, is it our version, does it take our token?
 *
 * Ray waits for a head 20 times 41 s without a word, retries a name that does not exist like a refused port, and
 * calls a version mismatch "Could not read 'temp_dir' from GCS" (facts in docs/ray.md). We ask first.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MusterError, reasonOf } from '../../../errors.ts';
import type { Log } from '../../../log.ts';
import { WireError } from '../../../wire/wire-error.ts';
import type { Waiting } from '../../rally/rally.ts';
import type { Gcs } from './gcs.ts';

export interface AwaitGcs {
  readonly gcs: Gcs;
  /** Who should answer, for messages. */
  readonly head: string;
  /** Ray's version here; undefined: unknown, then nothing is compared. */
  readonly localVersion: string | undefined;
  readonly timeoutMs: number;
  /** Between two looks. @default 100 */
  readonly pollMs?: number;
  /** @default 10000 */
  readonly progressMs?: number;
  readonly signal: AbortSignal;
  /** Told after each look what is wrong, and undefined at the end. */
  readonly waits?: (waiting: Waiting | undefined) => void;
  readonly log: Log;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
}

/** Long enough for a resolver that needs its second try (resolv.conf: 5 s each), short enough to notice a moved head. */
const LOOK_MS = 6_000;
/** The last look gets this much even when less is left: what it says must mean something. */
const LAST_LOOK_MS = 100;

/**
 * Resolves with GCS's version. The name is resolved anew for each try that found no connection.
 *
 * @throws MusterError HEAD_UNREACHABLE at the timeout, with the layer reached · VERSION_MISMATCH · TOKEN_WRONG
 * @throws the signal's reason when aborted
 */
export async function awaitGcs(input: AwaitGcs): Promise<string> {
  const { gcs, head, localVersion, timeoutMs, pollMs = 100, progressMs = 10_000, signal, waits, log, now } = input;
  const startedAt = now();
  let nextWordAt = startedAt + progressMs;
  let trouble: unknown;
  for (;;) {
    signal.throwIfAborted();
    const leftMs = startedAt + timeoutMs - now();
    if (leftMs <= 0) throw unreachable(head, timeoutMs, trouble);
    const deadlineMs = Math.max(LAST_LOOK_MS, Math.min(LOOK_MS, leftMs));
    try {
      const version = await gcs.checkAlive({ deadlineMs, signal });
      if (localVersion !== undefined && version !== localVersion) throw mismatch(head, version, localVersion);
      waits?.(undefined);
      return version;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof MusterError) throw error;
      // A look that our own timeout has ended knows less than one before it.
      const isCutShort = deadlineMs < LOOK_MS && error instanceof WireError && error.reason === 'deadline';
      if (!(trouble && isCutShort)) trouble = error;
    }
    const detail = reasonOf(trouble);
    const line = `waiting for Ray's head ${head}: ${detail}`;
    waits?.({ line, awaited: [{ member: undefined, rank: 0, layer: 'engine', since: startedAt, detail }] });
    if (now() >= nextWordAt) {
      log.info(line, { leftS: Math.round(leftMs / 1000) });
      nextWordAt = now() + progressMs;
    }
    await sleep(Math.min(pollMs, leftMs), undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

const mismatch = (head: string, theirs: string, ours: string): MusterError =>
  new MusterError({
    code: 'VERSION_MISMATCH',
    message: `Ray ${theirs} runs on ${head}, Ray ${ours} is installed here`,
    hint: 'Run the same image on every member; Ray refuses to mix versions (Python included).',
  });

const unreachable = (head: string, timeoutMs: number, trouble: unknown): MusterError =>
  new MusterError(
    {
      code: 'HEAD_UNREACHABLE',
      message: `Ray's head ${head} did not answer within ${timeoutMs / 1000} s: ${reasonOf(trouble)}`,
      hint: trouble instanceof WireError ? NEXT[trouble.layer] : "Look at the head's log.",
    },
    { cause: trouble },
  );

const NEXT: Readonly<Record<WireError['layer'], string>> = {
  dns: 'Check the head Service (headless, publishNotReadyAddresses: true) and the name given here.',
  tcp: "Check that the head's pod runs and that no NetworkPolicy closes the port; then the head's log.",
  tls: "Ray's GCS is asked without TLS.",
  http2: 'Something else has that port: check the address and the port.',
  http: "Ray's GCS speaks gRPC.",
  grpc: "Check the port (GCS, not the dashboard), then the head's log.",
};
