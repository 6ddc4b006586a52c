/**
 * `muster probe`: the exec probe. One look, one line, status 0 or 69. Asks the muster of this machine, which knows the
 * whole group; after a takeover by exec there is none, so Ray and the server are asked.
 */
import { parseArgs } from 'node:util';
import { EXIT, type ExitStatus, MusterError } from '../errors.ts';
import type { ProbeRay } from '../launch/watch/probe-command.ts';
import type { World } from '../world.ts';

export async function probeCommand(world: World, argv: readonly string[]): Promise<ExitStatus> {
  const asked = parseProbe(argv, world.env);
  const answers = await look(asked, world.env);
  for (const { ok, line } of answers) world.stderr(`muster probe ${asked.what}: ${ok ? 'yes' : 'NO'}, ${line}\n`);
  return answers.every(({ ok }) => ok) ? EXIT.ok : EXIT.unavailable;
}

interface Answer {
  readonly ok: boolean;
  readonly line: string;
}

async function look(asked: Asked, env: World['env']): Promise<readonly Answer[]> {
  const { port, http, timeoutMs } = asked;
  if (port !== undefined) {
    const { askVerdict } = await import('../launch/watch/ask-resident.ts');
    const answer = await askVerdict({ host: '127.0.0.1', port }, PATHS[asked.what], timeoutMs);
    if (answer !== 'absent') return [answer];
    if (asked.ray === undefined) return [{ ok: false, line: `nobody listens on 127.0.0.1:${port}` }];
  }
  const token = env.RAY_AUTH_TOKEN;
  return Promise.all([
    ...(asked.ray === undefined
      ? []
      : [probeRay({ address: asked.ray, expectedAlive: asked.nodes, token, timeoutMs })]),
    ...(http === undefined ? [] : [probeHttp(http, timeoutMs)]),
  ]);
}

const PATHS = { startup: '/startupz', ready: '/readyz', live: '/livez' } as const;

async function probeRay(input: ProbeRay): Promise<Answer> {
  return (await import('../launch/watch/probe-command.ts')).probeRay(input);
}

async function probeHttp(url: URL, timeoutMs: number): Promise<Answer> {
  const { httpProbe } = await import('../launch/watch/probes/http.ts');
  const probe = httpProbe({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 80),
    path: `${url.pathname}${url.search}`,
  });
  const health = await probe.look(AbortSignal.timeout(timeoutMs));
  return { ok: health.up, line: health.up ? `${probe.name} answered` : `${probe.name}: ${health.why}` };
}

interface Asked {
  readonly what: keyof typeof PATHS;
  /** Of the resident server, which is asked first; undefined: somebody else was named. */
  readonly port: number | undefined;
  readonly ray: string | undefined;
  readonly nodes: number;
  readonly http: URL | undefined;
  readonly timeoutMs: number;
}

function parseProbe(argv: readonly string[], env: World['env']): Asked {
  const { values, positionals } = parseOrRefuse(argv);
  const [what = '', ...rest] = positionals;
  if (!isQuestion(what) || rest.length > 0)
    throw usage(`"${positionals.join(' ')}" is not one of startup, ready, live`);
  const nodes = values.nodes ?? env.RAY_NODE_COUNT ?? '1';
  if (!/^[1-9]\d{0,5}$/.test(nodes))
    throw usage(`--nodes (RAY_NODE_COUNT) is "${nodes}", not a number of nodes from 1`);
  const timeout = values.timeout ?? '5';
  if (!/^\d+(\.\d+)?$/.test(timeout) || Number(timeout) === 0 || Number(timeout) > 3600)
    throw usage(`--timeout is "${timeout}", not a number of seconds up to 3600`);
  const ray = values.ray ?? env.RAY_ADDRESS;
  const port = values.ray === undefined && values.http === undefined ? portOf(values['probe-port'], env) : undefined;
  if (port === undefined && ray === undefined && values.http === undefined)
    throw usage('there is nothing to ask: the probe port is 0, and neither --ray (RAY_ADDRESS) nor --http is set');
  // A live server may still load its weights: only startup and ready ask it.
  const http = values.http === undefined || what === 'live' ? undefined : urlOf(values.http);
  return { what, port, ray, nodes: Number(nodes), http, timeoutMs: Number(timeout) * 1000 };
}

const isQuestion = (what: string): what is Asked['what'] => Object.hasOwn(PATHS, what);

/** Undefined: muster was told to have none. */
function portOf(flag: string | undefined, env: World['env']): number | undefined {
  const text = flag ?? env.MUSTER_PROBE_PORT ?? '7601';
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw usage(`--probe-port (MUSTER_PROBE_PORT) is "${text}", not a port from 0 to 65535`);
  return Number(text) || undefined;
}

function parseOrRefuse(argv: readonly string[]) {
  try {
    const text = { type: 'string' } as const;
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { 'probe-port': text, ray: text, nodes: text, http: text, timeout: text },
    });
  } catch (cause) {
    throw usage((cause as Error).message.split('. ')[0] ?? 'the arguments cannot be read');
  }
}

function urlOf(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol !== 'http:') throw usage(`--http is "${text}", not a URL such as http://127.0.0.1:8080/health`);
  return url;
}

const usage = (message: string): MusterError =>
  new MusterError({ code: 'USAGE', message, hint: 'See `muster probe --help`.' });
