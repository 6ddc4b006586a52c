/** What docs/gateway-dashboard.json shows: a panel is a question to Prometheus, and what to do about its answer. */

/** Of the requests that the two variables at the top choose. */
const OF_REQUESTS = 'instance=~"$instance",api=~"$api",model_name=~"$model_name"';
const OF_APIS = 'instance=~"$instance",api=~"$api"';
const OF_MODELS = 'instance=~"$instance",model_name=~"$model_name"';
const ALL = 'instance=~"$instance"';
const WINDOW = '[$__rate_interval]';

/** A query and what its lines are called. */
type Query = readonly [expr: string, legend: string];

interface Panel {
  readonly title: string;
  /** Grafana's name of it. */
  readonly unit: string;
  /** What it is, and what to do when it is high. */
  readonly text: string;
  readonly queries: readonly Query[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const rate = (metric: string, labels: string): string => `rate(${metric}{${labels}}${WINDOW})`;
const per = (by: string, metric: string, labels = ALL): string => `sum by (${by}) (${rate(metric, labels)})`;

/** Half and one in a hundred, by a label. */
function quantiles(histogram: string, by: string, labels: string): readonly Query[] {
  const names = by
    .split(', ')
    .map((each) => `{{${each}}}`)
    .join(' ');
  const of = (share: number) =>
    `histogram_quantile(${share}, sum by (le, ${by}) (${rate(`${histogram}_bucket`, labels)}))`;
  return [
    [of(0.5), `${names} p50`],
    [of(0.99), `${names} p99`],
  ];
}

const STAGES = ['preprocess', 'predict', 'postprocess', 'explain'] as const;

const TRAFFIC: Row = {
  title: 'Traffic',
  panels: [
    {
      title: 'Requests by API',
      unit: 'reqps',
      text: 'Requests that ended, by the API that clients speak. When it is higher than usual, look at who asks (the audit log names callers) and at the queue below.',
      queries: [[per('api', 'muster_gateway_requests_total', OF_REQUESTS), '{{api}}']],
    },
    {
      title: 'Requests by model',
      unit: 'reqps',
      text: 'The same by model; names that no model has answered to are one line. When one model takes the places of the others, give it a gateway of its own.',
      queries: [[per('model_name', 'muster_gateway_requests_total', OF_REQUESTS), '{{model_name}}']],
    },
  ],
};

const ERRORS: Row = {
  title: 'Errors',
  panels: [
    {
      title: 'Failed share',
      unit: 'percentunit',
      text: 'Answers of 500 and above among all. MusterGatewayFailing fires at 5 %. When it is high, the panel beside it says which status, and the log of the gateway which hop.',
      queries: [
        [
          `${per('instance', 'muster_gateway_requests_total', `${OF_REQUESTS},code=~"5.."`)} / ${per('instance', 'muster_gateway_requests_total', OF_REQUESTS)}`,
          '{{instance}}',
        ],
      ],
    },
    {
      title: 'Errors by status',
      unit: 'reqps',
      text: '400: requests that are wrong; 404: no such model; 413: too large; 429: the queue is full; 499: clients that left; 500: a model or a transform failed; 502: the predictor broke off; 503: it cannot be reached; 504: not in time. When one of them grows, its line in the log of the gateway names the hop.',
      queries: [[per('code, api', 'muster_gateway_requests_total', `${OF_REQUESTS},code!~"2.."`), '{{code}} {{api}}']],
    },
  ],
};

const LATENCY: Row = {
  title: 'Latency',
  panels: [
    {
      title: 'Whole requests',
      unit: 's',
      text: 'From the first byte of a request to the last of its answer, streams to their end. When it is high, the next panel says which stage takes the time; clients that are slow to send or to read are in here too.',
      queries: quantiles('muster_gateway_request_seconds', 'api', OF_APIS),
    },
    {
      title: 'Stages, 99 of 100',
      unit: 's',
      text: 'preprocess and postprocess: JSON to tensors and back, which tensors as bytes avoid; predict: everything behind it, cache, transforms and retries too; explain: the same for explanations. When predict is high, look at the predictor and at what is at work.',
      queries: STAGES.map((stage) => [
        `histogram_quantile(0.99, ${per('le', `request_${stage}_seconds_bucket`, OF_MODELS)})`,
        stage,
      ]),
    },
    {
      title: 'Stages, mean',
      unit: 's',
      text: 'Where the time of an average request goes. When preprocess is near predict, clients send large tensors as JSON: tell them of the binary tensor data extension.',
      queries: STAGES.map((stage) => [
        `sum(${rate(`request_${stage}_seconds_sum`, OF_MODELS)}) / sum(${rate(`request_${stage}_seconds_count`, OF_MODELS)})`,
        stage,
      ]),
    },
    {
      title: 'At work and waiting',
      unit: 'short',
      text: 'Requests and streams at the predictor, and those that wait for a place. When some wait all the time, add replicas or predictors, or raise --max_concurrent_requests if the predictor can take more.',
      queries: [
        [`muster_gateway_requests_in_flight{${ALL}}`, 'at work {{instance}}'],
        [`muster_gateway_requests_queued{${ALL}}`, 'waiting {{instance}}'],
      ],
    },
  ],
};

const STREAMS: Row = {
  title: 'Streams',
  panels: [
    {
      title: 'To the first answer',
      unit: 's',
      text: 'From the request to the first token. When it is high and the next panel is not, prompts wait in the queue of the model server: add predictors.',
      queries: quantiles('muster_gateway_stream_first_answer_seconds', 'model_name', OF_MODELS),
    },
    {
      title: 'Between answers',
      unit: 's',
      text: 'Between answers that came apart. When it is high, the model server has too many sequences at once, or clients that do not read hold their own streams back.',
      queries: quantiles('muster_gateway_stream_between_answers_seconds', 'model_name', OF_MODELS),
    },
    {
      title: 'Answers',
      unit: 'ops',
      text: 'Answers of all streams in a second: the tokens of a language model that sends one an answer. When it stays while requests grow, the model server is at its limit.',
      queries: [[per('model_name', 'muster_gateway_stream_answers_total', OF_MODELS), '{{model_name}}']],
    },
    {
      title: 'How they end',
      unit: 'reqps',
      text: 'done: to the end; gone: the client left; error: the model or its server broke it off; late: silent for --stream_idle_timeout_seconds, or longer than a request may take. When 5 % are error or late, MusterGatewayStreamsBreak fires: look at the model server.',
      queries: [[per('ended', 'muster_gateway_streams_total', OF_MODELS), '{{ended}}']],
    },
    {
      title: 'Going on',
      unit: 'ops',
      text: 'Streams that broke and were asked again (sent) or not (refused, by the budget), and clients that came back. When sent goes on, predictors break off streams: look at them.',
      queries: [[per('outcome', 'muster_gateway_stream_resumes_total'), '{{outcome}}']],
    },
  ],
};

const OPENAI: Row = {
  title: "OpenAI's API",
  panels: [
    {
      title: 'Tokens',
      unit: 'ops',
      text: 'Tokens of prompts and of answers in a second, where answers say them (`usage`). When prompts grow and answers do not, requests have become longer, not more.',
      queries: [[per('model_name, kind', 'muster_gateway_tokens_total', OF_MODELS), '{{model_name}} {{kind}}']],
    },
    {
      title: 'Last words of streams',
      unit: 'reqps',
      text: 'done: [DONE] came; error: an error event; none: neither, so the answer was cut. When error or none are more than a few, look at the log of the model server.',
      queries: [[per('last', 'muster_gateway_openai_streams_total', OF_MODELS), '{{last}}']],
    },
  ],
};

const PREDICTORS: Row = {
  title: 'Predictors: addresses and retries',
  panels: [
    {
      title: 'Addresses by state',
      unit: 'short',
      text: 'closed: in use; trial: asked whether it is back; open: out of use after failures. Only where --predictor_host is a name. When some are open, look at these pods (`muster_gateway_endpoints` has the address).',
      queries: [[`sum by (upstream, state) (muster_gateway_endpoints{${ALL}})`, '{{upstream}} {{state}}']],
    },
    {
      title: 'Addresses that failed',
      unit: 'ops',
      text: 'Addresses taken out of use, and requests that one never got and another one did. Single ones are pods that were replaced. When it goes on, a predictor keeps failing: look at its pods.',
      queries: [
        [`sum(${rate('muster_gateway_circuit_opens_total', ALL)})`, 'taken out of use'],
        [`sum(${rate('muster_gateway_failovers_total', ALL)})`, 'failed over'],
      ],
    },
    {
      title: 'Retries',
      unit: 'ops',
      text: 'Requests sent again, and those that the budget forbade. When refused is above zero, the predictor fails for more than a fifth of the requests: retries would only add to its load.',
      queries: [[per('outcome', 'muster_gateway_retries_total'), '{{outcome}}']],
    },
  ],
};

const VARIANTS: Row = {
  title: 'Canary and shadow',
  panels: [
    {
      title: 'Requests by variant',
      unit: 'reqps',
      text: 'What went to the predictor, to the canary, and as copies to the shadow; and copies that were not sent, for 64 were under way. When copies are dropped, the shadow is too slow for its share: lower --shadow_percent.',
      queries: [
        [per('variant', 'muster_gateway_variant_seconds_count'), '{{variant}}'],
        [`sum(${rate('muster_gateway_shadow_dropped_total', ALL)})`, 'copies dropped'],
      ],
    },
    {
      title: 'Time by variant',
      unit: 's',
      text: 'At the predictor, without the way through the gateway; streams to their end. When the canary is slower than the predictor, do not give it more.',
      queries: quantiles('muster_gateway_variant_seconds', 'variant', ALL),
    },
    {
      title: 'Failed share by variant',
      unit: 'percentunit',
      text: 'Answers of 500 and above among all of a variant. When the canary fails more than the predictor, take it back: --canary_percent 0.',
      queries: [
        [
          `${per('variant', 'muster_gateway_variant_seconds_count', `${ALL},code=~"5.."`)} / ${per('variant', 'muster_gateway_variant_seconds_count')}`,
          '{{variant}}',
        ],
      ],
    },
  ],
};

const OWN_WORK: Row = {
  title: 'Cache, transforms, bytes',
  panels: [
    {
      title: 'What the cache did',
      unit: 'reqps',
      text: 'hit: kept; shared: joined a call under way; miss: the model was asked; off: not for this model. When miss is nearly all, answers differ too much to be kept, or --cache_max_bytes is too small.',
      queries: [[per('outcome', 'muster_gateway_cache_total'), '{{outcome}}']],
    },
    {
      title: 'What the cache of features did',
      unit: 'ops',
      text: 'The same for what transforms make of requests or look up elsewhere. When miss is nearly all, features differ too much, or --feature_max_bytes is too small.',
      queries: [[per('outcome', 'muster_gateway_feature_cache_total'), '{{outcome}}']],
    },
    {
      title: 'Hooks of transforms',
      unit: 's',
      text: 'One hook, waiting for a thread included. When it is high with idle CPUs, raise --transform_threads; else the hook itself is slow.',
      queries: quantiles('muster_gateway_transform_seconds', 'transform, hook', ALL),
    },
    {
      title: 'Bytes of bodies',
      unit: 'Bps',
      text: 'Bodies of requests and answers. When it is far more than requests times tensors, clients send JSON: a tensor of 600 KB is 2.8 MB there.',
      queries: [[per('direction', 'muster_gateway_bytes_total'), '{{direction}}']],
    },
  ],
};

const QUEUE: Row = {
  title: 'Queue: requests that need no answer now',
  panels: [
    {
      title: 'Jobs that are not done',
      unit: 'short',
      text: 'Of all gateways of the queue, and those of them that a gateway has taken. When they grow, jobs come faster than they are done: add gateways or predictors, or raise --queue_concurrency.',
      queries: [
        [`max by (job) (muster_gateway_queue_jobs{${ALL}})`, 'all'],
        [`max by (job) (muster_gateway_queue_jobs_taken{${ALL}})`, 'taken'],
      ],
    },
    {
      title: 'Age of the oldest job',
      unit: 's',
      text: 'When it is high while few are taken, gateways have no places left for jobs: requests that somebody waits for come first. MusterGatewayJobsWait fires at a quarter of an hour.',
      queries: [[`max by (job) (muster_gateway_queue_oldest_seconds{${ALL}})`, 'oldest']],
    },
    {
      title: 'Jobs and callbacks by outcome',
      unit: 'ops',
      text: 'What came of jobs (again: nobody answered, another try follows) and of callbacks (refused: the host may not be called, or says no). When failed is high, results of jobs say why.',
      queries: [
        [per('outcome', 'muster_gateway_queue_jobs_total'), 'job {{outcome}}'],
        [per('outcome', 'muster_gateway_queue_callbacks_total'), 'callback {{outcome}}'],
      ],
    },
    {
      title: 'Waiting and running, 99 of 100',
      unit: 's',
      text: 'From a submission to the beginning of its job, and from there to its answer. When jobs wait long and run short, raise --queue_concurrency; when they run long, look at the predictor.',
      queries: (['waited', 'ran'] as const).map((what) => [
        `histogram_quantile(0.99, ${per('le', `muster_gateway_queue_${what}_seconds_bucket`)})`,
        what,
      ]),
    },
  ],
};

export const ROWS: readonly Row[] = [TRAFFIC, ERRORS, LATENCY, STREAMS, OPENAI, PREDICTORS, VARIANTS, OWN_WORK, QUEUE];
