/**
 * Why did `ray start` fail? From its exit status and its last words to one refusal in Ray's own words. Pure.
 */
import type { Refusal } from '../../../errors.ts';

export interface RayFailure {
  /** Of `ray start`, as a shell gives it. */
  readonly status: number;
  /** Its last lines, stdout and stderr together. */
  readonly lines: readonly string[];
  /** Tails of the session's logs, when they could be read. */
  readonly logs?: Readonly<Partial<Record<RayLog, string>>>;
}

/** Files of `<temp-dir>/session_latest/logs` worth a look, the first cause first. */
export const RAY_LOGS = ['gcs_server.err', 'dashboard_agent.log', 'runtime_env_agent.log', 'raylet.err'] as const;
export type RayLog = (typeof RAY_LOGS)[number];

interface Known {
  readonly says: RegExp;
  readonly hint: string;
}

/** Order matters: the specific before the general. Each was produced with Ray 2.58 (docs/ray.md). */
const KNOWN: readonly Known[] = [
  {
    says: /Failed to start the grpc server\. The specified port is \d+|is already running at \S+|Address already in use/,
    hint: "Another program, or another Ray, has the head's port: stop it or choose another port.",
  },
  {
    says: /Session name \S+ does not match persisted value \S*/,
    hint: "Another Ray cluster's GCS answers on that port: choose another port, or stop that cluster.",
  },
  {
    says: /Version mismatch: The cluster was started with:[\s\S]{0,160}/,
    hint: 'Run the same image on every member: Ray and Python must agree to the patch level.',
  },
  {
    says: /Could not read 'temp_dir' from GCS/,
    hint: 'This is how an old Ray meets a newer head: run the same image on every member.',
  },
  {
    says: /Attempting to cap object store memory usage at \d+ bytes, but the minimum allowed is \d+ bytes/,
    hint: 'Give the object store more: --object-store-memory, and an emptyDir with medium: Memory on /dev/shm.',
  },
  {
    says: /plasma::PlasmaAllocator|Failed to create (?:plasma|shared memory) .*|No space left on device/,
    hint: 'The object store could not be made: /dev/shm must be writable for this user and hold --object-store-memory.',
  },
  {
    says: /AuthenticationError.*|InvalidAuthToken.*|[Tt]oken authentication is enabled but.*/,
    hint: 'Give every member the same RAY_AUTH_TOKEN, or none and let muster make one for each generation.',
  },
  {
    says: /No such option:? \S+/,
    hint: 'This Ray does not know that option: correct the extra arguments of ray start.',
  },
  {
    says: /AF_UNIX path length cannot exceed \d+ bytes.*/,
    hint: 'Give Ray a shorter --temp-dir, for example /tmp/r.',
  },
  {
    says: /The specified port .*(?:conflict|range).*|Ray component \S+ is trying to use a port number .*/,
    hint: "Choose a port outside 10002-19999, Ray's range for workers.",
  },
  {
    says: /ImportError: .*|ModuleNotFoundError: .*/,
    hint: 'An agent of Ray cannot load a library: install it in the image; Ray itself only says that the node timed out.',
  },
];

/** Ray's general complaints: believed only when neither it nor its logs say anything better. */
const VAGUE: readonly Known[] = [
  {
    says: /The current node timed out during startup/,
    hint: "The raylet did not come up: dashboard_agent.log and raylet.err in Ray's logs directory have the cause.",
  },
  {
    // Ray names the process first and then shows its log, behind which the name has scrolled away: the end has it again.
    says: /(?<=END )\w+\.\w+ tail \(exit code\(s\)=.*?\)(?= -----)/,
    hint: "Ray stops the node when one of its processes dies: look for its own file in Ray's logs directory.",
  },
  {
    says: /Some Ray subprocesses exited unexpectedly[\s\S]{0,200}/,
    hint: "Ray stops the node when one of its processes dies: look for its own file in Ray's logs directory.",
  },
];

/** Always a refusal ENGINE_START_FAILED: words nobody knows are quoted as they are. */
export function diagnoseRayStart({ status, lines, logs = {} }: RayFailure): Refusal {
  const said = lines.map(plain).join('\n');
  const written = RAY_LOGS.map((name) => plain(logs[name] ?? ''));
  const found = firstKnown(KNOWN, [said]) ?? firstKnown(KNOWN, written) ?? firstKnown(VAGUE, [said]);
  const words = found?.words ?? oneLine(lastLine(said));
  return {
    code: 'ENGINE_START_FAILED',
    message: `ray start failed (status ${status})${words ? `: ${words}` : ' without a word'}`,
    hint: found?.hint ?? "Ray's own logs are in session_latest/logs of its temp dir (default /tmp/ray).",
  };
}

function firstKnown(known: readonly Known[], sources: readonly string[]): { words: string; hint: string } | undefined {
  for (const { says, hint } of known) {
    const words = sources.map((source) => says.exec(source)?.[0]).find(Boolean);
    if (words) return { words: oneLine(words), hint };
  }
  return undefined;
}

const lastLine = (text: string): string => text.split('\n').findLast((line) => line.trim() !== '') ?? '';

/** Without terminal colours. */
const plain = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is being removed
  text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, '');

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, 300);
