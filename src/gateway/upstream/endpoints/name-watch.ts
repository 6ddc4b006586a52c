/** A name that is looked up again and again, and at once when somebody has reason to. */
import { WireError } from '../../../wire/wire-error.ts';
import type { Resolve } from './resolve.ts';

export interface NameWatchOptions {
  readonly host: string;
  readonly resolve: Resolve;
  readonly refreshMs: number;
  /** At least one IP address, each once, in order. */
  readonly found: (hosts: readonly string[]) => void;
  readonly failed: (error: unknown) => void;
}

/** More addresses of one name are not used. */
const MAX_ADDRESSES = 256;
/** A dead address must not make us storm the name server. */
const LOOK_AGAIN_MS = 250;

export class NameWatch {
  readonly #options: NameWatchOptions;
  #looking: Promise<void> | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: NameWatchOptions) {
    this.#options = options;
  }

  /** Resolves when it has been looked up, and `found` or `failed` were told. From then on it is looked up for ever. */
  look(): Promise<void> {
    this.#looking ??= this.#once().finally(() => {
      this.#looking = undefined;
      this.#lookedAt = performance.now();
      clearTimeout(this.#timer);
      // Many gateways that started together do not ask together.
      const pauseMs = this.#options.refreshMs * (0.9 + Math.random() / 5);
      if (!this.#closed) this.#timer = setTimeout(() => void this.look(), pauseMs).unref();
    });
    return this.#looking;
  }

  /** The same; undefined when it was looked up just now. */
  lookSoon(): Promise<void> | undefined {
    if (this.#looking) return this.#looking;
    return performance.now() - this.#lookedAt < LOOK_AGAIN_MS ? undefined : this.look();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #once(): Promise<void> {
    const { host, resolve, found, failed } = this.#options;
    try {
      const hosts = [...new Set(await resolve(host))].sort().slice(0, MAX_ADDRESSES);
      if (hosts.length === 0) throw new WireError('dns', 'not-found', `no address is known for ${host}`);
      if (!this.#closed) found(hosts);
    } catch (error) {
      if (!this.#closed) failed(error);
    }
  }
}
