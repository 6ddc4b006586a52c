/** Every option of `muster bench`, once, by what is measured. Parser and help are made from this table. */
import type { Option } from '../launch/args/options.ts';

export const BENCH_OPTIONS = {
  protocols: {
    upstream: {
      kind: 'text',
      env: 'MUSTER_BENCH_UPSTREAM',
      describe: 'host:port where the predictor speaks gRPC (Open Inference Protocol v2)',
    },
    rest: {
      kind: 'text',
      env: 'MUSTER_BENCH_REST',
      describe: 'host:port where it speaks HTTP; without it the two REST ways are left out',
    },
    model: { kind: 'text', env: 'MUSTER_BENCH_MODEL', describe: 'Name of the model' },
    version: {
      kind: 'text',
      env: 'MUSTER_BENCH_VERSION',
      otherwise: "the predictor's choice",
      describe: 'Version of the model',
    },
    body: {
      kind: 'text',
      env: 'MUSTER_BENCH_BODY',
      otherwise: 'made from what the model says of its inputs',
      describe: 'File with the request to send, JSON of V2: for models that check what they get',
    },
    shape: {
      kind: 'list',
      env: 'MUSTER_BENCH_SHAPES',
      describe: 'NAME=1x224x224x3: the shape of an input; what the model leaves open is 1 otherwise; repeatable',
    },
    seconds: {
      kind: 'seconds',
      min: 0.1,
      max: 600,
      env: 'MUSTER_BENCH_SECONDS',
      default: 5,
      describe: 'Seconds for each way in each round; a tenth more goes before, unmeasured',
    },
    requests: {
      kind: 'integer',
      min: 1,
      max: 1_000_000,
      env: 'MUSTER_BENCH_REQUESTS',
      describe: 'So many requests in place of --seconds; a round of a way ends after 60 s all the same',
    },
    concurrency: {
      kind: 'integer',
      min: 1,
      max: 256,
      env: 'MUSTER_BENCH_CONCURRENCY',
      default: 8,
      describe: 'Requests under way at once',
    },
    rounds: {
      kind: 'integer',
      min: 1,
      max: 99,
      env: 'MUSTER_BENCH_ROUNDS',
      default: 3,
      describe: 'Rounds: each way once, in turns; the medians are told',
    },
    timeout: {
      kind: 'seconds',
      min: 0.1,
      max: 600,
      env: 'MUSTER_BENCH_TIMEOUT',
      default: 30,
      describe: 'Seconds for one request',
    },
    through: {
      kind: 'text',
      env: 'MUSTER_BENCH_THROUGH',
      describe: 'http://… of the transformer in use: measured too, and asked which way it goes (muster gateway tells)',
    },
    listen: {
      kind: 'text',
      env: 'MUSTER_BENCH_LISTEN',
      describe: 'host:port to stand in for the predictor: passes everything on, and says which way each request came',
    },
    svg: { kind: 'text', env: 'MUSTER_BENCH_SVG', describe: 'File for the same as a plot' },
    json: { kind: 'switch', env: 'MUSTER_JSON', describe: 'JSON for programs' },
    tls: { kind: 'switch', env: 'MUSTER_BENCH_TLS', describe: 'TLS to the predictor, for gRPC and HTTP' },
    'tls-ca': {
      kind: 'text',
      env: 'MUSTER_BENCH_TLS_CA',
      otherwise: "Node's CAs",
      describe: 'PEM file of whom to trust with it',
    },
    'tls-cert': {
      kind: 'text',
      env: 'MUSTER_BENCH_TLS_CERT',
      describe: 'PEM file of our certificate, where the predictor asks for one',
    },
    'tls-key': { kind: 'text', env: 'MUSTER_BENCH_TLS_KEY', describe: 'PEM file of its key' },
  },
} as const satisfies Record<string, Record<string, Option>>;
