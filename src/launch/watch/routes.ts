/**
 * What the resident server answers over HTTP. The three probes cost a few comparisons and no I/O, so that a kubelet may
 * ask each of them every second; `/status`, `/metrics` and the page are for people and scrapers.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Waiting } from '../rally/rally.ts';
import type { Board } from './board.ts';
import type { BoardKeeper } from './board-keeper.ts';
import type { Metrics } from './metrics.ts';
import { redactor } from './redact.ts';
import { type GroupPlan, type GroupView, type StatusReport, statusJson } from './status-report.ts';
import { live, ready, started, type Verdict } from './verdicts.ts';

export interface RoutesInput {
  readonly keeper: BoardKeeper;
  readonly groupPlan?: GroupPlan | undefined;
  /** What the head knows of all members; undefined on a worker. */
  readonly group: () => GroupView | undefined;
  /** What this member waits for now; undefined: for nobody. */
  readonly waiting: () => Waiting | undefined;
  readonly version: string;
  /** When the TLS certificate of the rally ends, milliseconds since 1970; undefined without TLS. */
  readonly tlsValidUntil?: (() => number | undefined) | undefined;
  /** Values to blank in everything that is told. */
  readonly secrets: readonly string[];
  /** Milliseconds on the board's clock. */
  readonly now: () => number;
  /** What the wall clock said when `now` was 0, milliseconds since 1970. */
  readonly epochMs: number;
}

const statusReport = (input: RoutesInput, redacted: (text: string) => string): StatusReport => ({
  board: input.keeper.board,
  groupPlan: input.groupPlan,
  group: input.group(),
  waiting: input.waiting(),
  version: input.version,
  redacted,
  now: input.now(),
  epochMs: input.epochMs,
});

interface Reply {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Route = () => Reply | Promise<Reply>;

export function routes(input: RoutesInput): (request: IncomingMessage, response: ServerResponse) => void {
  const redacted = redactor(input.secrets);
  const probe = (verdict: (board: Board, line?: string) => Verdict) => () => {
    const answer = verdict(input.keeper.board, input.waiting()?.line);
    return answer.ok ? { status: 200, body: 'ok\n' } : { status: 503, body: `${redacted(answer.why)}\n` };
  };
  let metrics: Promise<Metrics> | undefined;
  const table: Readonly<Record<string, Route>> = {
    '/livez': probe(live),
    '/startupz': probe(started),
    '/readyz': probe(ready),
    '/status': () => ({
      status: 200,
      type: 'application/json',
      body: `${statusJson(statusReport(input, redacted))}\n`,
    }),
    '/metrics': async () => {
      metrics ??= import('./metrics.ts').then(({ openMetrics }) => openMetrics(input));
      const { contentType, text } = await metrics;
      return { status: 200, type: contentType, body: await text() };
    },
  };
  return (request, response) => {
    replyTo(request, table)
      .catch((): Reply => ({ status: 500, body: 'this answer could not be made\n' }))
      .then((reply) => send(response, reply));
  };
}

const NOT_FOUND = { status: 404, body: 'there are /, /livez, /startupz, /readyz, /status and /metrics\n' };
/** The page and what it is made of. */
const MAY_BE_PAGE = /^\/(?:[a-z]+\.[a-z]+)?$/;

async function replyTo(request: IncomingMessage, table: Readonly<Record<string, Route>>): Promise<Reply> {
  const { method = '', url = '', headers } = request;
  if (hasBody(headers)) return { status: 413, body: 'no request here has a body\n', headers: { connection: 'close' } };
  if (method !== 'GET' && method !== 'HEAD') {
    return { status: 405, body: 'only GET and HEAD\n', headers: { allow: 'GET, HEAD' } };
  }
  const path = url.split('?', 1)[0] ?? '';
  if (Object.hasOwn(table, path)) return table[path]?.() ?? NOT_FOUND;
  return (MAY_BE_PAGE.test(path) && (await import('./page.ts')).pageReply(path)) || NOT_FOUND;
}

const hasBody = (headers: IncomingMessage['headers']): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;

/** Node leaves the body out for HEAD, and keeps its length. */
function send(response: ServerResponse, { status, body, type = 'text/plain; charset=utf-8', headers }: Reply): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(body);
}
