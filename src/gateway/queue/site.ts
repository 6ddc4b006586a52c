/** Where a queue lies in Redis, and its connections there. */
import type { Log } from '../../log.ts';
import { type Argument, RedisLink } from './redis.ts';

export interface SiteOptions {
  readonly url: string;
  /** The queue's. */
  readonly name: string;
  readonly log: Log;
}

/** The consumer group of all gateways. */
export const GROUP = 'gateways';

export class QueueSite {
  readonly link: RedisLink;
  /** For what waits: it would hold everything else up. */
  readonly reader: RedisLink;
  readonly ear: RedisLink;
  readonly #prefix: string;

  constructor({ url, name, log }: SiteOptions) {
    // The braces keep all keys of a queue on one server of a cluster.
    this.#prefix = `muster:{${name}}:`;
    const quiet = { ...log, warn: () => {} }; // one line is enough for three connections
    this.link = new RedisLink(url, log);
    this.reader = new RedisLink(url, quiet);
    this.ear = new RedisLink(url, quiet);
  }

  get stream(): string {
    return `${this.#prefix}jobs`;
  }

  get meta(): string {
    return `${this.#prefix}meta`;
  }

  /** A key that is never there. */
  get none(): string {
    return `${this.#prefix}none`;
  }

  /** Where the id of each job is said that is over. */
  get channel(): string {
    return `${this.#prefix}over`;
  }

  job(id: string): string {
    return `${this.#prefix}job:${id}`;
  }

  /** Of a key of idempotency. */
  key(hash: string): string {
    return `${this.#prefix}key:${hash}`;
  }

  run<T>(script: string, keys: readonly string[], args: readonly Argument[], binary = false): Promise<T> {
    return this.link.send<T>(['EVAL', script, String(keys.length), ...keys, ...args], { binary });
  }

  /** The group is made by who first misses it: on an empty Redis, or one that has lost everything. */
  async grouped<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!/NOGROUP/.test((error as Error).message)) throw error;
      const make = ['XGROUP', 'CREATE', this.stream, GROUP, '0', 'MKSTREAM'];
      await this.link.send(make).catch((failed: Error) => {
        if (!/BUSYGROUP/.test(failed.message)) throw failed;
      });
      return work();
    }
  }

  close(): void {
    for (const each of [this.link, this.reader, this.ear]) each.close();
  }
}
