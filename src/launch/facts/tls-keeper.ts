/**
 * The identity of a process that outlives its certificates: looks at the files before each use, so that a renewed
 * certificate serves the next connection. What stands goes on; TLS does not ask twice.
 */
import type { Refusal } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type Certificate, dateOf, RENEW, type Tls, type TlsIdentity } from '../../wire/tls.ts';
import { readTls, signatureOf, type TlsRead } from './tls.ts';

const DAY_MS = 86_400_000;
/** For what nobody connects to: a broken renewal and a near end are said all the same. */
const LOOK_EVERY_MS = 60_000;
/** A renewal between two reads mixes old and new; a mounted Secret is swapped as a whole, so the next read is whole. */
const READS = 3;

export interface KeeperOptions {
  readonly name: string | undefined;
  readonly log: Log;
  /** The wall clock, milliseconds since 1970: certificates know no other. */
  readonly wallClock: () => number;
}

export class TlsKeeper implements Tls {
  readonly name: string | undefined;
  readonly #options: KeeperOptions;
  #read: TlsRead;
  #seen: string;
  /** Of the files that were complained about. */
  #broken: string | undefined;
  #reminded: Nearness = 'far';

  constructor(read: TlsRead, options: KeeperOptions) {
    this.name = options.name;
    this.#options = options;
    this.#read = read;
    this.#seen = ''; // they may have changed since they were read
    this.#remind();
  }

  /** Milliseconds since 1970. */
  get validUntil(): number {
    return this.#read.certificate.to;
  }

  identity(): TlsIdentity {
    this.look();
    return this.#read.identity;
  }

  /** Every minute; keeps no process alive. */
  watch(): void {
    setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  look(): void {
    const seen = signatureOf(this.#read.files);
    if (seen !== this.#seen) this.#reload(seen);
    this.#remind();
  }

  #reload(first: string): void {
    let seen = first;
    let read = readTls(this.#read.files, this.#options.wallClock());
    for (let reads = 1; reads < READS && signatureOf(this.#read.files) !== seen; reads += 1) {
      seen = signatureOf(this.#read.files);
      read = readTls(this.#read.files, this.#options.wallClock());
    }
    if (read.value) this.#take(read.value, seen);
    // Read again each time: one that is not valid yet will be.
    else if (this.#broken !== seen) this.#complain(read.refusals, seen);
  }

  #complain(refusals: readonly Refusal[], seen: string): void {
    this.#broken = seen;
    const why = refusals.map(({ message }) => message).join('; ');
    const until = dateOf(this.#read.certificate.to);
    this.#options.log.warn(
      `the TLS files were changed and cannot be used: ${why}; the old certificate stays, valid until ${until}. → ${refusals[0]?.hint}`,
    );
  }

  #take(read: TlsRead, seen: string): void {
    const { cert, key, ca } = this.#read.identity;
    const { identity, certificate, notes } = read;
    this.#seen = seen;
    this.#broken = undefined;
    if (identity.cert === cert && identity.key === key && identity.ca === ca) return;
    this.#read = read;
    this.#reminded = 'far';
    this.#options.log.info(
      `new TLS certificate: ${certificate.subject}, valid until ${dateOf(certificate.to)}; it serves the next connection`,
    );
    for (const note of notes) this.#options.log.warn(note);
  }

  /** Once for each certificate and nearness. */
  #remind(): void {
    const { certificate, files } = this.#read;
    const near = nearness(certificate, this.#options.wallClock());
    if (near === this.#reminded) return;
    this.#reminded = near;
    if (near === 'far') return;
    const ends = near === 'over' ? 'ended at' : 'ends at';
    this.#options.log.warn(
      `the TLS certificate ${files.cert.value} (${certificate.subject}) ${ends} ${dateOf(certificate.to)}; without a new one members that come later are refused. → ${RENEW}`,
    );
  }
}

type Nearness = 'far' | 'soon' | 'over';

/** Soon: within the last tenth of its life, and within 30 days. cert-manager renews after two thirds. Pure. */
export function nearness({ from, to }: Certificate, now: number): Nearness {
  if (now > to) return 'over';
  return to - now < Math.min((to - from) / 10, 30 * DAY_MS) ? 'soon' : 'far';
}
