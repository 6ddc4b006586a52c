/** `muster local curl PATH`: one request to the server of the head; the answer as it comes. */
import { type IncomingMessage, request } from 'node:http';
import { EXIT, type ExitStatus, MusterError, reasonOf } from '../errors.ts';
import { findMember } from '../local/members.ts';
import type { World } from '../world.ts';
import { type Asked, noWords, usage } from './local.ts';
import { theGroup } from './local-group.ts';

export async function curlCommand(world: World, { settings, words }: Asked<'curl'>): Promise<ExitStatus> {
  const [path] = words;
  noWords('curl', words, 1);
  if (!path?.startsWith('/'))
    throw usage('muster local curl was given no path', 'Write: muster local curl /v1/models.');
  const headers = headersOf(settings.header?.value ?? []);
  const { docker, group } = await theGroup(world, settings.name);
  const { ports } = await findMember(docker, group, 'head');
  if (ports.server === undefined)
    throw failed(`the server of ${group} has no port here: its head does not run, or is cut off`);
  const status = await ask(world, { port: ports.server, path, headers, body: settings.data?.value });
  if (status >= 400) throw failed(`the server answered ${path} with status ${status}`);
  return EXIT.ok;
}

const failed = (message: string, cause?: unknown): MusterError =>
  new MusterError(
    { code: 'HTTP_STATUS', message, hint: 'See `muster local status` and `muster local logs`.' },
    { cause },
  );

function headersOf(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name, value] = /^([\w-]+):\s*(.*)$/.exec(line) ?? [];
    // Not said back: it may hold a secret.
    if (name === undefined || value === undefined)
      throw usage('a --header is not NAME: VALUE', 'Write --header "NAME: VALUE".');
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

interface Question {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: a GET. */
  readonly body: string | undefined;
}

/** Resolves with the status once the whole answer is written to stdout. */
function ask(world: World, { port, path, headers, body }: Question): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const json =
    body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const outgoing = request({
    host: '127.0.0.1',
    port,
    path,
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...json, ...headers },
    agent: false,
  });
  const broken = (error: unknown) =>
    reject(failed(`the server at 127.0.0.1:${port} does not answer: ${reasonOf(error)}`, error));
  outgoing.once('error', broken);
  outgoing.once('response', (incoming: IncomingMessage) => {
    incoming.setEncoding('utf8');
    incoming.on('data', (text: string) => world.stdout(text));
    incoming.once('error', broken);
    incoming.once('end', () => resolve(incoming.statusCode ?? 0));
  });
  outgoing.end(body);
  return promise;
}
