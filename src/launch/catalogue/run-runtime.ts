/** `muster run`: the runtime of a command that has no catalogue entry. Its argv is what the user typed, whole. */
import type { Entry } from './catalogue.ts';
import { SERVER_ARGS } from './placeholders.ts';
import type { Runtime } from './schema.ts';

const runtime: Runtime = {
  name: 'run',
  title: 'any command',
  model: 'none',
  engine: { several: 'native', single: 'none' },
  engines: {
    ray: { head: [SERVER_ARGS], port: 6379, startArgs: [] },
    native: { head: [SERVER_ARGS], worker: [SERVER_ARGS], port: 29_500 },
    none: { head: [SERVER_ARGS] },
  },
  devices: { kind: 'gpu' },
  reads: {},
  // Port 0: nothing is asked unless --server-port says where.
  ports: { http: { default: 0, spellings: [] } },
  variables: {},
  health: { kind: 'tcp' },
  smoke: [],
  env: {},
  graceSeconds: 30,
  readyTimeoutSeconds: 1800,
};

export const RUN_RUNTIME: Entry = { runtime, file: '(muster run)', directory: '' };
