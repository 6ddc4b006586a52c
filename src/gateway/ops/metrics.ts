/**
 * `GET /metrics`. KServe's four histograms keep their names and label, so that its dashboards go on; the rest is what they
 * lack: outcomes, what is under way, bytes, streams. Model names come from clients: only served ones are labels.
 */
import prom from 'prom-client';
import { QueueMetrics } from '../queue/metrics.ts';

/** Seconds; KServe's are prom's defaults, which end at 10. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

type ReadEndpoints = () => readonly { readonly address: string; readonly state: string }[];

/** A name may have hundreds. */
const MAX_ADDRESS_LABELS = 64;

/** The part of a request that KServe's histograms tell apart. */
export type Stage = 'preprocess' | 'predict' | 'postprocess' | 'explain';

export interface Outcome {
  readonly model: string;
  /** Which API, e.g. `v2`. */
  readonly api: string;
  readonly status: number;
  /** Milliseconds. */
  readonly tookMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** One stream's measurements. */
export interface StreamMeter {
  /** So many answers came together. */
  answers(count: number): void;
  /** @param how `done`, `error`, `gone`, `late` */
  end(how: string): void;
}

export class GatewayMetrics {
  readonly #registry = new prom.Registry();
  readonly queue = new QueueMetrics(this.#registry);
  readonly #stages: Readonly<Record<Stage, prom.Histogram>>;
  readonly #requests = this.#counter(
    'requests_total',
    'Requests that ended, by HTTP status',
    'api',
    'model_name',
    'code',
  );
  readonly #seconds = this.#histogram(
    'muster_gateway_request_seconds',
    'Seconds from the first byte to the last',
    'api',
  );
  readonly #bytes = this.#counter('bytes_total', 'Bytes of bodies', 'direction');
  readonly #firstAnswer = this.#histogram(
    'muster_gateway_stream_first_answer_seconds',
    'Seconds to the first answer of a stream',
    'model_name',
  );
  readonly #between = this.#histogram(
    'muster_gateway_stream_between_answers_seconds',
    'Seconds between answers that came apart',
    'model_name',
  );
  readonly #hooks = this.#histogram(
    'muster_gateway_transform_seconds',
    'Seconds of one hook, waiting for a thread included',
    'transform',
    'hook',
  );
  readonly #cache = this.#counter('cache_total', 'Requests by what the cache did: hit, shared, miss, off', 'outcome');
  readonly #features = this.#counter(
    'feature_cache_total',
    'Features by what the cache did: as cache_total',
    'outcome',
  );
  readonly #retries = this.#counter('retries_total', 'Requests sent again, or refused that by the budget', 'outcome');
  readonly #failovers = this.#counter('failovers_total', 'Requests that an address never got and another one did');
  readonly #circuits = this.#counter('circuit_opens_total', 'Addresses taken out of use for a while');
  readonly #variants = this.#histogram(
    'muster_gateway_variant_seconds',
    'Seconds of a request at the predictor, the canary or the shadow, streams to their end, by HTTP status',
    'variant',
    'code',
  );
  readonly #shadowDrops = this.#counter(
    'shadow_dropped_total',
    'Copies that were not sent, for too many were under way',
  );
  readonly #resumes = this.#counter(
    'stream_resumes_total',
    'Streams that were asked for again (sent), were refused that by the budget, or whose client came back (reconnected)',
    'outcome',
  );
  readonly #answers = this.#counter('stream_answers_total', 'Answers of streams', 'model_name');
  readonly #streams = this.#counter(
    'streams_total',
    'Streams that ended: done, error, gone (the client), late',
    'model_name',
    'ended',
  );
  readonly #tokens = this.#counter('tokens_total', 'Tokens, where an answer says them', 'model_name', 'kind');
  readonly #openAiStreams = this.#counter(
    'openai_streams_total',
    'Passed streams by their last word: done ([DONE]), error (an event), none',
    'model_name',
    'last',
  );

  readonly #upstreams = new Map<string, ReadEndpoints>();

  constructor(counts: { readonly running: () => number; readonly waiting: () => number }) {
    const stage = (name: Stage) =>
      this.#histogram(`request_${name}_seconds`, `Seconds that requests spent in ${name}`, 'model_name');
    this.#stages = {
      preprocess: stage('preprocess'),
      predict: stage('predict'),
      postprocess: stage('postprocess'),
      explain: stage('explain'),
    };
    this.#gauge('requests_in_flight', 'Requests and streams that are at work', counts.running);
    this.#gauge('requests_queued', 'Requests that wait for a place', counts.waiting);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  stage(stage: Stage, model: string, tookMs: number): void {
    this.#stages[stage].observe({ model_name: model }, tookMs / 1000);
  }

  hook(transform: string, hook: string, tookMs: number): void {
    this.#hooks.observe({ transform, hook }, tookMs / 1000);
  }

  /** What hooks and transforms found, shared, made or did not keep. */
  features(outcome: string): void {
    this.#features.inc({ outcome });
  }

  cache(outcome: string): void {
    this.#cache.inc({ outcome });
  }

  /** @param outcome `sent`, `refused` */
  retry(outcome: string): void {
    this.#retries.inc({ outcome });
  }

  /** @param outcome `sent`, `refused`, `reconnected` */
  resume(outcome: string): void {
    this.#resumes.inc({ outcome });
  }

  failover(): void {
    this.#failovers.inc();
  }

  circuitOpened(): void {
    this.#circuits.inc();
  }

  variant(variant: string, code: number, tookMs: number): void {
    this.#variants.observe({ variant, code }, tookMs / 1000);
  }

  shadowDropped(): void {
    this.#shadowDrops.inc();
  }

  /** How tensors go to the predictor, for those who look from outside (`muster bench protocols --through`). */
  speaks(protocol: string): void {
    const name = 'muster_gateway_info';
    const help = 'Always 1; what is spoken to the predictor stands in its label';
    new prom.Gauge({ name, help, labelNames: ['predictor_protocol'], registers: [this.#registry] })
      .labels(protocol)
      .set(1);
  }

  /** `read` is asked when somebody looks. @param upstream `predictor`, `canary`, `shadow` */
  endpoints(upstream: string, read: ReadEndpoints): void {
    if (this.#upstreams.size === 0) this.#endpointGauge();
    this.#upstreams.set(upstream, read);
  }

  ended({ model, api, status, tookMs, bytesIn, bytesOut }: Outcome): void {
    this.#requests.inc({ api, model_name: model, code: status });
    this.#seconds.observe({ api }, tookMs / 1000);
    this.#bytes.inc({ direction: 'in' }, bytesIn);
    this.#bytes.inc({ direction: 'out' }, bytesOut);
  }

  stream(model: string): StreamMeter {
    let last = performance.now();
    let first = true;
    return {
      answers: (count) => {
        const now = performance.now();
        (first ? this.#firstAnswer : this.#between).observe({ model_name: model }, (now - last) / 1000);
        this.#answers.inc({ model_name: model }, count);
        first = false;
        last = now;
      },
      end: (how) => this.#streams.inc({ model_name: model, ended: how }),
    };
  }

  tokens(model: string, { prompt, completion }: { readonly prompt: number; readonly completion: number }): void {
    this.#tokens.inc({ model_name: model, kind: 'prompt' }, prompt);
    this.#tokens.inc({ model_name: model, kind: 'completion' }, completion);
  }

  /** @param last `done`, `error`, `none` */
  openAiStream(model: string, last: string): void {
    this.#openAiStreams.inc({ model_name: model, last });
  }

  #histogram(name: string, help: string, ...labelNames: string[]): prom.Histogram {
    return new prom.Histogram({ name, help, labelNames, buckets: SECONDS, registers: [this.#registry] });
  }

  #counter(name: string, help: string, ...labelNames: string[]): prom.Counter {
    return new prom.Counter({ name: `muster_gateway_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #endpointGauge(): void {
    const upstreams = this.#upstreams;
    new prom.Gauge({
      name: 'muster_gateway_endpoints',
      help: 'Addresses of the predictor, the canary and the shadow, by state: closed (in use), trial, open (not in use)',
      labelNames: ['upstream', 'address', 'state'],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [upstream, read] of upstreams)
          for (const [at, { address, state }] of read().entries())
            this.inc({ upstream, address: at < MAX_ADDRESS_LABELS ? address : 'other', state });
      },
    });
  }

  #gauge(name: string, help: string, read: () => number): void {
    new prom.Gauge({
      name: `muster_gateway_${name}`,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }
}
