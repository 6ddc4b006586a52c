/**
 * Every way muster can end, once.
 *
 * A code is a stable word for programs and search engines; its exit status is what Kubernetes shows. 64-78 are BSD
 * sysexits, 79-81 are ours, 124/126/127 and 128 + n are what timeout(1) and a shell give. Never 1 or 2: Python and
 * argparse use those, and a status must tell launcher and server apart.
 */
export const EXIT = {
  ok: 0,
  usage: 64,
  data: 65,
  noInput: 66,
  unavailable: 69,
  bug: 70,
  osError: 71,
  cantCreate: 73,
  io: 74,
  rallyTimeout: 75,
  protocol: 76,
  noPermission: 77,
  config: 78,
  groupLost: 79,
  fenced: 80,
  unhealthy: 81,
  notReadyInTime: 124,
  notExecutable: 126,
  notFound: 127,
  terminated: 143,
} as const;

export type ExitStatus = number;

/** Code to exit status. Adding a failure starts here; `docs/exit-codes.md` lists what each one means. */
export const CODES = {
  /** A command of `muster run` that ended by itself with status 0: the one good end nobody asked for. */
  DONE: EXIT.ok,
  /** Somebody asked us to stop by a signal: 128 + n before the server runs, the server's own status after. */
  STOPPED: EXIT.terminated,
  USAGE: EXIT.usage,
  RUNTIME_UNKNOWN: EXIT.usage,
  RUNTIME_INVALID: EXIT.data,
  /** A module of `muster gateway --transform`, or a file of it, that does not load. */
  TRANSFORM_INVALID: EXIT.data,
  /** The file of `muster gateway --chat_template`. */
  CHAT_TEMPLATE_INVALID: EXIT.data,
  /** The file of `muster gateway --model_warmup`. */
  WARM_UP_INVALID: EXIT.data,
  /** `muster bench`: no request can be made up, or the file of --body holds none. */
  BENCH_REQUEST: EXIT.data,
  TLS_INVALID: EXIT.data,
  MODEL_DIR_MISSING: EXIT.noInput,
  MODEL_DIR_EMPTY: EXIT.noInput,
  TOKEN_FILE_UNREADABLE: EXIT.noInput,
  TLS_FILE_UNREADABLE: EXIT.noInput,
  INSTALL_SOURCE: EXIT.noInput,
  HEAD_UNREACHABLE: EXIT.unavailable,
  BENCH_PREDICTOR: EXIT.unavailable,
  BUG: EXIT.bug,
  SPAWN_FAILED: EXIT.osError,
  INSTALL_TARGET: EXIT.cantCreate,
  AUDIT_UNWRITABLE: EXIT.cantCreate,
  BENCH_PLOT: EXIT.cantCreate,
  RALLY_TIMEOUT: EXIT.rallyTimeout,
  VERSION_MISMATCH: EXIT.protocol,
  PROTOCOL: EXIT.protocol,
  TOKEN_WRONG: EXIT.noPermission,
  TLS_REFUSED: EXIT.noPermission,
  TLS_EXPIRED: EXIT.noPermission,
  MODEL_DIR_OUTSIDE: EXIT.noPermission,
  MODEL_UNSET: EXIT.config,
  CONFIG_INVALID: EXIT.config,
  TOPOLOGY_INVALID: EXIT.config,
  TOPOLOGY_UNKNOWN: EXIT.config,
  PARALLEL_SIZE: EXIT.config,
  TOKEN_MISSING: EXIT.config,
  TOKEN_WEAK: EXIT.config,
  TLS_INCOMPLETE: EXIT.config,
  PORT_TAKEN: EXIT.config,
  ADDRESS_UNAVAILABLE: EXIT.config,
  PLAN_MISMATCH: EXIT.config,
  MODEL_MISMATCH: EXIT.config,
  RANK_TAKEN: EXIT.config,
  DOCKER_ABSENT: EXIT.unavailable,
  DOCKER_DOWN: EXIT.unavailable,
  DOCKER_DENIED: EXIT.noPermission,
  DOCKER_FAILED: EXIT.osError,
  IMAGE_MISSING: EXIT.noInput,
  GROUP_MISSING: EXIT.noInput,
  NAME_TAKEN: EXIT.config,
  MEMORY_SHORT: EXIT.config,
  DISK_FULL: EXIT.io,
  MEMBER_ENDED: EXIT.groupLost,
  HTTP_STATUS: EXIT.unavailable,
  DEVICES_SHORT: EXIT.config,
  INSTALL_NOT_OURS: EXIT.config,
  UNFIT: EXIT.config,
  ENGINE_START_FAILED: EXIT.groupLost,
  ENGINE_LOST: EXIT.groupLost,
  ENGINE_GATE: EXIT.groupLost,
  GROUP_LOST: EXIT.groupLost,
  RESTARTS_SPENT: EXIT.groupLost,
  FENCED: EXIT.fenced,
  SERVER_EXITED: EXIT.unhealthy,
  SERVER_UNHEALTHY: EXIT.unhealthy,
  SERVER_NOT_READY: EXIT.notReadyInTime,
  NOT_EXECUTABLE: EXIT.notExecutable,
  ARGS_TOO_LONG: EXIT.notExecutable,
  NOT_FOUND: EXIT.notFound,
} as const satisfies Record<string, ExitStatus>;

export type ErrorCode = keyof typeof CODES;

/** Codes after which the same start may succeed. */
export const RETRIABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'HEAD_UNREACHABLE',
  'SPAWN_FAILED',
  'RALLY_TIMEOUT',
  'ENGINE_START_FAILED',
  'ENGINE_LOST',
  'ENGINE_GATE',
  'GROUP_LOST',
  'RESTARTS_SPENT',
  'SERVER_EXITED',
  'SERVER_UNHEALTHY',
  'SERVER_NOT_READY',
]);

/**
 * One reason to refuse, as a value. `message` names the subject, its value and its unit; `hint` is what to do next.
 * Pure code returns these (all of them at once); the edge turns them into one `MusterError`.
 */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/**
 * A failure we foresaw. `run` prints each refusal with its hint and returns `exitStatus`; anything else that reaches
 * `run` is a bug: it prints the stack and returns 70.
 */
export class MusterError extends Error {
  override readonly name = 'MusterError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly exitStatus: ExitStatus;
  readonly refusals: readonly Refusal[];

  /** @param refusals at least one; the first gives the code and the exit status */
  constructor(
    refusals: Refusal | readonly [Refusal, ...Refusal[]],
    how: { cause?: unknown; exitStatus?: ExitStatus } = {},
  ) {
    const all: readonly [Refusal, ...Refusal[]] = isList(refusals) ? refusals : [refusals];
    super(all.map((each) => each.message).join('; '), { cause: how.cause });
    this.code = all[0].code;
    this.hint = all[0].hint;
    this.exitStatus = how.exitStatus ?? CODES[all[0].code];
    this.refusals = all;
  }
}

const isList = (value: Refusal | readonly [Refusal, ...Refusal[]]): value is readonly [Refusal, ...Refusal[]] =>
  Array.isArray(value);

/** `cause` as one line, whatever was thrown. */
export const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
