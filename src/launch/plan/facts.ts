/** What was seen on this machine before planning: values only, gathered by `launch/facts/`. */
import type { HostNames } from './topology/detectors.ts';

export type ModelDirectory =
  | { readonly state: 'missing' | 'not-a-directory' | 'empty' | 'unreadable' }
  /** It leads to `at`, out of `of`. */
  | { readonly state: 'outside'; readonly at: string; readonly of: string }
  | {
      readonly state: 'filled' /** SHA-256 of config.json, hex, when there is one. */;
      readonly fingerprint: string | undefined;
    };

export interface Facts {
  readonly host: HostNames;
  /** Whether the head's address is of this machine; undefined: not looked up (role or rank are known). */
  readonly headIsHere: boolean | undefined;
  /** Own IP: the interface that routes to the head, else the first that is not loopback. */
  readonly address: { readonly value: string; readonly interface: string | undefined; readonly origin: string };
  /** State of the directory that `--model-dir`/MODEL_DIR names. */
  readonly modelDirectory: ModelDirectory | undefined;
  /** Accelerators seen in /dev; 0 when there are none. */
  readonly devices: number;
  /** The group's token: where it came from and how many bytes; never the token. */
  readonly token: SeenToken | undefined;
  /** That the rally is to speak mutual TLS: what says so, and what is odd about the files. */
  readonly tls?: { readonly origin: string; readonly notes: readonly string[] } | undefined;
}

export interface SeenToken {
  readonly origin: string;
  readonly bytes: number;
  /** Every user of this machine may read, or change, the file. */
  readonly openToAll?: boolean;
}
