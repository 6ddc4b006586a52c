/** Who asked which model for how much, and what came of it: one JSON line a request, without what was in it. */
import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import type { Log } from '../../log.ts';

export interface Audited {
  readonly api: string;
  readonly model: string;
  readonly version: string;
  readonly status: number;
  /** Milliseconds. */
  readonly tookMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** The address at the other end of the connection. */
  readonly client: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** A reader that is slower than the requests loses lines, not requests: so many bytes wait at most. */
const MAX_WAITING_BYTES = 4 * 2 ** 20;
const QUIET_MS = 60_000;
/** Of what clients choose. */
const MAX_TEXT = 200;

export class AuditLog {
  readonly #out: Writable;
  readonly #log: Log;
  #lost = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(out: Writable, log: Log) {
    this.#out = out;
    this.#log = log;
    out.on('error', (error) => this.#lose(error.message));
  }

  write(audited: Audited, now: Date): void {
    if (this.#out.destroyed) this.#lose('it is closed');
    else if (this.#out.writableLength > MAX_WAITING_BYTES) this.#lose('its reader is slower than the requests');
    else this.#out.write(`${JSON.stringify(lineOf(audited, now))}\n`);
  }

  /** When all lines are written. */
  close(): Promise<void> {
    if (this.#out.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#out.once('error', () => resolve());
      this.#out.end(() => resolve());
    });
  }

  #lose(why: string): void {
    this.#lost += 1;
    const now = performance.now();
    if (now - this.#toldAt < QUIET_MS) return;
    this.#toldAt = now;
    this.#log.error(`the audit log lost ${this.#lost} lines so far: ${why}`);
  }
}

/** The line. `subject` tells callers apart without being what lets them in: the beginning of a hash of `authorization`. */
export function lineOf({ headers, client, tookMs, ...rest }: Audited, now: Date): Readonly<Record<string, unknown>> {
  const text = (name: string) => {
    const value = headers[name];
    return typeof value === 'string' ? value.slice(0, MAX_TEXT) : undefined;
  };
  const { authorization } = headers;
  return {
    time: now.toISOString(),
    requestId: text('x-request-id'),
    traceparent: text('traceparent'),
    client,
    subject:
      typeof authorization === 'string'
        ? createHash('sha256').update(authorization).digest('hex').slice(0, 16)
        : undefined,
    ...rest,
    model: rest.model.slice(0, MAX_TEXT),
    version: rest.version.slice(0, MAX_TEXT),
    tookMs: Math.round(tookMs * 10) / 10,
  };
}
