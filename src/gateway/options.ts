/**
 * Every option of `muster gateway`, once: KServe's model server first, with its spelling and its defaults, so that the
 * arguments its controller adds fit; then ours. The parser, the help and the docs are made from this table. A `-` in a name
 * is as good as a `_`. Env twin: MUSTER_GATEWAY_ and the name in capitals.
 */
import { CACHE_OPTIONS } from './cache/options.ts';
import { DOOR_OPTIONS } from './door/options.ts';
import { GRPC_OPTIONS } from './grpc/options.ts';
import { OPENAI_OPTIONS } from './openai/options.ts';
import { QUEUE_OPTIONS } from './queue/options.ts';
import { TFS_OPTIONS } from './tfs/options.ts';
import { TRANSFORM_OPTIONS } from './transform/options.ts';
import { UPSTREAM_OPTIONS } from './upstream/options.ts';

interface Described {
  readonly describe: string;
}
interface Text extends Described {
  readonly kind: 'text';
  readonly default?: string;
}
interface Choice extends Described {
  readonly kind: 'choice';
  readonly choices: readonly string[];
  readonly default: string;
}
interface Numeric extends Described {
  readonly kind: 'integer' | 'seconds' | 'bytes';
  readonly min: number;
  readonly max: number;
  readonly default: number;
}
interface Switch extends Described {
  readonly kind: 'switch';
  readonly default: boolean;
}
/** Separated by commas. */
interface List extends Described {
  readonly kind: 'list';
  readonly default: readonly string[];
}
/** Taken, and without effect here: why. */
interface Ignored extends Described {
  readonly kind: 'ignored';
}
export type GatewayOption = Text | Choice | Numeric | Switch | List | Ignored;

const port = { kind: 'integer', min: 0, max: 65_535 } as const;
const seconds = { kind: 'seconds', min: 0.001, max: 86_400 } as const;
const bytes = { kind: 'bytes', min: 1, max: 4_294_967_295 } as const;
const ignored = (describe: string) => ({ kind: 'ignored', describe }) as const;

export const GATEWAY_OPTIONS = {
  model_name: {
    kind: 'list',
    default: ['model'],
    describe: 'The models that clients may ask for, by the names the predictor has for them; *: all it has',
  },
  predictor_host: {
    kind: 'text',
    describe: 'host:port of the predictor; without a port 80, or 443 with --predictor_use_ssl',
  },
  predictor_protocol: {
    kind: 'choice',
    choices: ['v1', 'v2', 'grpc-v2', 'grpc-tfs', 'v1-tfs', 'openai'],
    default: 'v1',
    describe:
      "What is spoken to the predictor: grpc-v2 is the fastest and has streams; v2: the same over HTTP, tensors as bytes; v1: KServe's default, JSON; grpc-tfs, v1-tfs: TensorFlow Serving over gRPC or HTTP; openai: vLLM and others that serve OpenAI's API, whose bodies pass as they are",
  },
  predictor_use_ssl: { kind: 'switch', default: false, describe: 'TLS to the predictor' },
  predictor_ca_file: { kind: 'text', describe: "PEM file of whom to trust with it; without it Node's CAs" },
  predictor_cert_file: { kind: 'text', describe: 'PEM file of our certificate, where the predictor asks for one' },
  predictor_key_file: { kind: 'text', describe: 'PEM file of its key' },
  predictor_request_timeout_seconds: {
    ...seconds,
    default: 600,
    describe: 'Seconds for one request, waiting and streaming included; sent on as grpc-timeout',
  },
  http_port: { ...port, default: 8080, describe: 'Port for HTTP; 0: any free one' },
  ...GRPC_OPTIONS,
  enable_predictor_health_check: ignored('readiness follows the predictor always'),
  workers: ignored('one process serves all requests'),
  max_threads: ignored('one process serves all requests'),
  max_asyncio_workers: ignored('one process serves all requests'),
  enable_docs_url: ignored('there is no docs page'),
  enable_latency_logging: ignored('see /metrics'),
  configure_logging: ignored('see --log_level'),
  log_config_file: ignored('see --log_level'),
  access_log_format: ignored('there is no access log'),
  event_loop: ignored('this is not Python'),
  protocol: ignored('KServe ignores it too; see --predictor_protocol'),
  timeout_keep_alive: { ...seconds, default: 65, describe: 'Seconds that an idle connection of a client stays open' },
  predictor_flavour: {
    kind: 'choice',
    choices: ['auto', 'triton', 'mlserver', 'kserve'],
    default: 'auto',
    describe: 'How the predictor streams; auto: by what it says of itself (ServerMetadata)',
  },
  host: { kind: 'text', describe: 'Address to listen on; without it every one of this machine' },
  ...DOOR_OPTIONS,
  forward_headers: {
    kind: 'list',
    default: [
      'authorization',
      'x-request-id',
      'traceparent',
      'tracestate',
      'baggage',
      'b3',
      'x-b3-traceid',
      'x-b3-spanid',
    ],
    describe: "Headers of the client's request that the predictor gets; no other",
  },
  max_body_bytes: { ...bytes, default: 256 * 2 ** 20, describe: 'Bytes of one request body, unpacked; more is 413' },
  max_reply_bytes: { ...bytes, default: 256 * 2 ** 20, describe: 'Bytes of one message of the predictor; more is 502' },
  max_concurrent_requests: {
    kind: 'integer',
    min: 1,
    max: 100_000,
    default: 256,
    describe: 'Requests and streams at the predictor at once; more wait',
  },
  max_queued_requests: {
    kind: 'integer',
    min: 0,
    max: 1_000_000,
    default: 256,
    describe: 'Requests that may wait, unread; more get 429',
  },
  queue_timeout_seconds: { ...seconds, default: 30, describe: 'Seconds that a request may wait; then 429' },
  body_timeout_seconds: { ...seconds, default: 60, describe: 'Seconds in which a client must have sent its request' },
  otlp_endpoint: {
    kind: 'text',
    describe:
      'Collector for OpenTelemetry traces over OTLP/HTTP, such as http://collector:4318; without it none are made',
  },
  trace_percent: {
    kind: 'integer',
    min: 0,
    max: 100,
    default: 100,
    describe: 'Percent of the requests without a trace of their own that are traced',
  },
  audit_log: {
    kind: 'text',
    describe: 'File that gets one JSON line a request: who, which model, how much, what came of it; -: stdout',
  },
  model_warmup: {
    kind: 'text',
    describe: 'File of requests, one JSON body a line, that are answered before the gateway is ready',
  },
  ...UPSTREAM_OPTIONS,
  ...TRANSFORM_OPTIONS,
  ...CACHE_OPTIONS,
  ...QUEUE_OPTIONS,
  ...OPENAI_OPTIONS,
  ...TFS_OPTIONS,
  stream_idle_timeout_seconds: {
    ...seconds,
    default: 60,
    describe: 'Seconds between two answers of a stream, and for its client to take one',
  },
  drain_seconds: {
    kind: 'seconds',
    min: 0,
    max: 3_600,
    default: 5,
    describe:
      'Seconds after SIGTERM in which requests are still taken, not ready already, so that routers can turn away',
  },
  graceful_timeout_seconds: {
    ...seconds,
    default: 30,
    describe: 'Seconds after that in which requests under way may end; then they are cut',
  },
  log_level: {
    kind: 'choice',
    choices: ['debug', 'info', 'warn', 'error'],
    default: 'info',
    describe: "Level of muster's own log on stderr",
  },
  log_format: { kind: 'choice', choices: ['text', 'json'], default: 'text', describe: 'Format of that log' },
} as const satisfies Readonly<Record<string, GatewayOption>>;

export type GatewayOptionName = keyof typeof GATEWAY_OPTIONS;

type ValueOf<O> = O extends Numeric
  ? number
  : O extends Switch
    ? boolean
    : O extends List
      ? readonly string[]
      : O extends Choice
        ? O['choices'][number]
        : O extends { default: string }
          ? string
          : string | undefined;

/** The option's values by name; those without effect are left out. */
export type GatewayValues = {
  readonly [Name in GatewayOptionName as (typeof GATEWAY_OPTIONS)[Name] extends Ignored ? never : Name]: ValueOf<
    (typeof GATEWAY_OPTIONS)[Name]
  >;
};
