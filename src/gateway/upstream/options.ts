/** The options of `muster gateway` about where requests go; `../options.ts` has them among its own. */
const percent = { kind: 'integer', min: 0, max: 100, default: 0 } as const;

export const UPSTREAM_OPTIONS = {
  predictor_request_retries: {
    kind: 'integer',
    min: 0,
    max: 10,
    default: 0,
    describe:
      'How often a request is sent again when nothing of its answer has come: at UNAVAILABLE, or a connection cut. What the predictor never got goes to its next address without this',
  },
  endpoints_refresh_seconds: {
    kind: 'seconds',
    min: 0.05,
    max: 3_600,
    default: 5,
    describe:
      'Seconds after which the addresses of predictor_host are looked up again; at once when a connection fails',
  },
  canary_host: { kind: 'text', describe: 'host:port of another predictor, which answers a part of the requests' },
  canary_percent: {
    ...percent,
    describe:
      'Percent of the requests that go there, by x-request-id where there is one; x-muster-variant: canary always does',
  },
  shadow_host: { kind: 'text', describe: 'host:port of another predictor, which gets copies; its answers are dropped' },
  shadow_percent: { ...percent, describe: 'Percent of the requests that are copied there' },
} as const;
