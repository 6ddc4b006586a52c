/**
 * OpenTelemetry traces, by its own SDK: one span a request, below it the hooks of transforms and the call to the predictor,
 * which gets the trace on in `traceparent`. Loaded only when traces are asked for.
 */
import { type Attributes, context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-node';
import type { Call, InferRequest, InferResponse, Predictor } from '../protocol/infer.ts';
import { DelegatingPredictor } from '../upstream/delegating.ts';

export interface TracingOptions {
  /** Base address of a collector that takes OTLP over HTTP, e.g. `http://collector:4318`. */
  readonly endpoint: string;
  /** 0-1 of the requests that come without a trace; one that comes with a trace keeps its decision. */
  readonly ratio: number;
  readonly serviceName: string;
  /** In place of the collector. */
  readonly exporter?: SpanExporter;
}

/** What a span of a request says about it; names by OpenTelemetry's conventions for HTTP where they have one. */
export interface TracedRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly api: string;
}

/** What is known of it at its end. */
export interface TracedEnd {
  /** The HTTP status. */
  readonly status: number;
  readonly model: string;
}

/** A span that waits in vain for the collector is dropped: so many wait at most. */
const MAX_WAITING_SPANS = 4_096;
const EXPORT_MS = 5_000;
/** The client chooses it. */
const MAX_MODEL_CHARS = 200;

export class Tracing {
  readonly #provider: NodeTracerProvider;
  readonly #tracer;

  constructor({ endpoint, ratio, serviceName, exporter }: TracingOptions) {
    const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`;
    const sink = exporter ?? new OTLPTraceExporter({ url, timeoutMillis: EXPORT_MS });
    const batches = new BatchSpanProcessor(sink, { maxQueueSize: MAX_WAITING_SPANS, exportTimeoutMillis: EXPORT_MS });
    this.#provider = new NodeTracerProvider({
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
      resource: resourceOf(serviceName),
      spanProcessors: [batches],
    });
    this.#provider.register();
    this.#tracer = this.#provider.getTracer('muster-gateway');
  }

  /** Runs `work` as a request of the trace that its headers carry, else of a new one. */
  request({ headers, api }: TracedRequest, work: () => Promise<TracedEnd>): Promise<void> {
    const from = propagation.extract(context.active(), headers);
    const attributes = { 'muster.api': api };
    return this.#tracer.startActiveSpan(`gateway ${api}`, { kind: SpanKind.SERVER, attributes }, from, async (span) => {
      try {
        const { status, model } = await work();
        span.setAttributes({ 'http.response.status_code': status, 'muster.model': model.slice(0, MAX_MODEL_CHARS) });
        if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      } finally {
        span.end();
      }
    });
  }

  /** A part of the request that is over. */
  past(name: string, tookMs: number, attributes: Attributes = {}): void {
    const end = Date.now();
    this.#tracer.startSpan(name, { startTime: end - tookMs, attributes }).end(end);
  }

  /** The predictor with a span around each call, and the trace in its headers. */
  predictor(inner: Predictor): Predictor {
    return new TracedPredictor(inner, this.#tracer);
  }

  /** Sends what waits, for so long as one export may take. */
  async close(): Promise<void> {
    await this.#provider.shutdown().catch(() => {});
    trace.disable();
    propagation.disable();
    context.disable();
  }
}

type Resource = NonNullable<NonNullable<ConstructorParameters<typeof NodeTracerProvider>[0]>['resource']>;

/** Whose the spans are: collectors go by it. The SDK has a package for this, which reads more of the machine than is needed. */
function resourceOf(serviceName: string): Resource {
  const attributes = { 'service.name': serviceName };
  const resource: Resource = {
    attributes,
    getRawAttributes: () => Object.entries(attributes),
    merge: (other) => other ?? resource,
  };
  return resource;
}

class TracedPredictor extends DelegatingPredictor {
  readonly #inner: Predictor;
  readonly #tracer: ReturnType<typeof trace.getTracer>;

  constructor(inner: Predictor, tracer: ReturnType<typeof trace.getTracer>) {
    super(inner);
    this.#inner = inner;
    this.#tracer = tracer;
  }

  override infer(request: InferRequest, call: Call): Promise<InferResponse> {
    return this.#tracer.startActiveSpan('predict', this.#how(), async (span) => {
      try {
        return await this.#inner.infer(request, withTrace(call));
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
        throw error;
      } finally {
        span.end();
      }
    });
  }

  override async *stream(request: InferRequest, call: Call): AsyncGenerator<readonly InferResponse[]> {
    const span = this.#tracer.startSpan('predict', this.#how());
    const traced = context.with(trace.setSpan(context.active(), span), () => withTrace(call));
    let answers = 0;
    try {
      for await (const batch of this.#inner.stream(request, traced)) {
        if (answers === 0) span.addEvent('first answer');
        answers += batch.length;
        yield batch;
      }
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
      throw error;
    } finally {
      span.setAttribute('muster.answers', answers);
      span.end();
    }
  }

  #how() {
    return { kind: SpanKind.CLIENT, attributes: { 'muster.predictor': this.name } };
  }
}

function withTrace(call: Call): Call {
  const headers: Record<string, string> = { ...call.headers };
  propagation.inject(context.active(), headers);
  return { ...call, headers };
}
