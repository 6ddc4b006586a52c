/**
 * The plan: the frozen, JSON-able answer to "what will this member do", made once from args, env, catalogue and facts.
 * Every value says where it came from. What only the rally can know (a rank the head gives, addresses of peers) is
 * filled in later by `render`, from the same plan.
 */
import type { Sourced } from '../args/options.ts';
import type { EngineName, ProbeSpec, SmokeRequest, Template } from '../catalogue/schema.ts';
import type { AuthKind } from './auth.ts';
import type { ModelSource } from './model.ts';
import type { Parallel } from './parallel.ts';
import type { Role } from './topology/detectors.ts';

export type Takeover = 'supervise' | 'exec';

export interface Plan {
  /** `launch`: a server, which is not supposed to end. `run`: any command; its status passes through. */
  readonly command: 'launch' | 'run';
  readonly runtime: Sourced<string>;
  readonly engine: Sourced<EngineName>;
  readonly takeover: Sourced<Takeover>;

  readonly scheduler: string;
  readonly worldSize: Sourced<number>;
  readonly role: Sourced<Role>;
  readonly rank: Sourced<number> | undefined;
  readonly member: Sourced<string>;
  readonly headAddress: Sourced<string> | undefined;
  readonly address: Sourced<string>;
  readonly interface: string | undefined;

  readonly model: Sourced<ModelSource> | undefined;
  readonly modelName: Sourced<string>;
  readonly parallel: Parallel;
  readonly devices: { readonly kind: 'gpu' | 'cpu'; readonly perMember: Sourced<number> | undefined };
  readonly ports: Ports;
  readonly timing: Timing;
  readonly restarts: { readonly limit: Sourced<number>; readonly windowMs: Sourced<number> };
  readonly auth: Sourced<AuthKind>;

  /** Byte for byte; undefined: this member was given none (a KServe worker). */
  readonly serverArgs: readonly string[] | undefined;
  readonly recipe: Recipe;
  /** Placeholders known before the rally. */
  readonly values: Readonly<Record<string, string>>;
  readonly health: Health;
  readonly env: EnvChanges;
  /** What all members must agree on, and its SHA-256. */
  readonly terms: Readonly<Record<string, string>>;
  readonly digest: string;
  /** Worth a warning, not a refusal. */
  readonly notes: readonly string[];
}

export interface Ports {
  readonly rally: Sourced<number>;
  readonly engine: Sourced<number>;
  readonly http: Sourced<number> | undefined;
  readonly grpc: Sourced<number> | undefined;
}

/** All milliseconds. */
export interface Timing {
  readonly rallyMs: Sourced<number>;
  readonly readyMs: Sourced<number>;
  /** 0: never. */
  readonly hangMs: Sourced<number>;
  readonly graceMs: Sourced<number>;
  readonly leaseMs: Sourced<number>;
  readonly beatMs: Sourced<number>;
  readonly progressMs: Sourced<number>;
}

/** How the chosen engine runs this server. */
export interface Recipe {
  readonly head: Template;
  /** Undefined: a worker holds its part of the engine and runs no server. */
  readonly worker: Template | undefined;
  /** Spellings behind the `unless` conditions of the templates. */
  readonly spellings: Readonly<Record<string, readonly string[]>>;
  /** Further arguments of `ray start`. */
  readonly rayArgs: readonly string[];
}

export interface Health {
  /** Undefined: nothing to ask (`run` without --server-port); ready once it has started. */
  readonly probe: ProbeSpec | undefined;
  /** Where the server listens: its own `--host` when that is one address, else loopback. */
  readonly host: string;
  readonly smoke: readonly SmokeRequest[];
}

export interface EnvChanges {
  /** Set unless the user has set them. */
  readonly defaults: Readonly<Record<string, string>>;
  /** Names that the server must not inherit: our own secrets and switches. */
  readonly removed: readonly string[];
}
