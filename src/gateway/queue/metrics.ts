/** What `/metrics` says of the queue. Depth and age are Redis's own, so every gateway of a queue says the same. */
import prom from 'prom-client';
import type { Depth } from './book.ts';
import type { CallbackOutcome } from './callback.ts';

const SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800, 7_200];
/** A look at Redis is as good so long. Milliseconds. */
const LOOK_MS = 1_000;

/** `done`, `failed`, `cancelled`; `again`: nobody answered, another try follows; `given_back`: this gateway ends. */
export type JobOutcome = 'done' | 'failed' | 'cancelled' | 'again' | 'given_back' | 'lost';

export class QueueMetrics {
  readonly #jobs: prom.Counter;
  readonly #callbacks: prom.Counter;
  readonly #waited: prom.Histogram;
  readonly #ran: prom.Histogram;
  /** Undefined while there is no queue. */
  #read: (() => Promise<Depth>) | undefined;
  #last: { readonly at: number; readonly depth: Promise<Depth | undefined> } | undefined;

  constructor(registry: prom.Registry) {
    const registers = [registry];
    const name = (what: string) => `muster_gateway_queue_${what}`;
    const labelNames = ['outcome'];
    this.#jobs = new prom.Counter({
      ...{ name: name('jobs_total'), labelNames, registers },
      help: 'Jobs by what came of this gateway doing them: done, failed, cancelled, again, given_back, lost',
    });
    this.#callbacks = new prom.Counter({
      ...{ name: name('callbacks_total'), labelNames, registers },
      help: 'Callbacks: delivered, refused, failed',
    });
    const histogram = (what: string, help: string) =>
      new prom.Histogram({ name: name(what), help, buckets: SECONDS, registers });
    this.#waited = histogram('waited_seconds', 'Seconds from a submission to the beginning of its job');
    this.#ran = histogram('ran_seconds', 'Seconds from the beginning of a job to its answer');
    const gauge = (what: string, help: string, of: (depth: Depth) => number) => {
      const look = () => this.#look();
      new prom.Gauge({
        ...{ name: name(what), help, registers },
        async collect() {
          const depth = await look();
          if (depth) this.set(of(depth));
          else this.remove(); // nobody knows: not 0
        },
      });
    };
    gauge('jobs', 'Jobs that are not done, of all gateways of the queue', ({ jobs }) => jobs);
    gauge('jobs_taken', 'Of these, in the hands of a gateway', ({ taken }) => taken);
    gauge('oldest_seconds', 'Age of the oldest of them', ({ oldestSeconds }) => oldestSeconds);
  }

  watch(read: () => Promise<Depth>): void {
    this.#read = read;
  }

  job(outcome: JobOutcome): void {
    this.#jobs.inc({ outcome });
  }

  waited(ms: number): void {
    this.#waited.observe(Math.max(0, ms) / 1000);
  }

  ran(ms: number): void {
    this.#ran.observe(ms / 1000);
  }

  callback(outcome: CallbackOutcome): void {
    this.#callbacks.inc({ outcome });
  }

  /** Three gauges, one question. */
  #look(): Promise<Depth | undefined> {
    const now = performance.now();
    if (this.#last && now - this.#last.at < LOOK_MS) return this.#last.depth;
    const depth = this.#read ? this.#read().catch(() => undefined) : Promise.resolve(undefined);
    this.#last = { at: now, depth };
    return depth;
  }
}
