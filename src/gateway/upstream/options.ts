/** The options of `muster gateway` about where requests go; `../options.ts` has them among its own. */
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
} as const;
