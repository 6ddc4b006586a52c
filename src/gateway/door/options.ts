/** The options of `muster gateway` about connections of clients; `../options.ts` has them among its own. Names by uvicorn. */
export const DOOR_OPTIONS = {
  ssl_certfile: {
    kind: 'text',
    describe: 'PEM file of our certificate, and the intermediate ones behind it: both ports speak TLS, and only TLS',
  },
  ssl_keyfile: { kind: 'text', describe: 'PEM file of its key. A change of the files serves the next connection' },
  ssl_ca_certs: {
    kind: 'text',
    describe: 'PEM file of whom clients must have their certificates from (mTLS); without it none is asked for',
  },
} as const;
