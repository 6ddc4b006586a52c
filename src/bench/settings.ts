/** What was typed → what to measure, or every refusal at once. Pure. */
import type { Refusal } from '../errors.ts';
import type { SettingsOf } from '../launch/args/options.ts';
import { type Address, parseAddress } from '../wire/address.ts';
import type { BENCH_OPTIONS } from './options.ts';

export type Typed = SettingsOf<(typeof BENCH_OPTIONS)['protocols']>;

/** When a round of a way is over. */
export interface Limit {
  /** Milliseconds, the warm-up not counted. */
  readonly ms: number;
  /** @default as many as fit */
  readonly requests: number | undefined;
}

/** Undefined: no TLS. Files, for each thread reads them itself. */
export interface TlsFiles {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export interface Upstreams {
  readonly grpc: Address;
  readonly rest: Address | undefined;
  readonly tls: TlsFiles | undefined;
}

export interface ProtocolsSettings extends Upstreams {
  readonly model: string;
  readonly version: string;
  /** A file; undefined: the request is made up. */
  readonly body: string | undefined;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly limit: Limit;
  readonly concurrency: number;
  readonly rounds: number;
  readonly timeoutMs: number;
  readonly through: URL | undefined;
  readonly svg: string | undefined;
}

export interface ListenSettings extends Upstreams {
  readonly listen: Address;
  /** Inferences after which it ends. */
  readonly requests: number | undefined;
}

export type Settled = { readonly protocols: ProtocolsSettings } | { readonly listen: ListenSettings };

/** A round that is counted in requests is over by then too. */
const MOST_MS = 60_000;
const HINT = 'See `muster bench protocols --help`.';
const usage = (message: string, hint = HINT): Refusal => ({ code: 'USAGE', message, hint });

export function settle(typed: Typed): { settled: Settled | undefined; refusals: readonly Refusal[] } {
  const refusals: Refusal[] = [];
  const address = (name: 'upstream' | 'rest' | 'listen'): Address | undefined => {
    const text = typed[name]?.value;
    const known = text === undefined ? undefined : parseAddress(name === 'listen' ? withHost(text) : text);
    if (known && 'error' in known) refusals.push(usage(`--${name}: ${known.error}`));
    return known && 'error' in known ? undefined : known;
  };
  const grpc = address('upstream');
  const rest = address('rest');
  const listen = address('listen');
  const shapes = shapesOf(typed.shape?.value ?? [], refusals);
  const through = throughOf(typed.through?.value, refusals);
  if (typed.upstream === undefined)
    refusals.push(usage('--upstream is missing', 'Write --upstream host:port, where the predictor speaks gRPC.'));
  const listens = typed.listen !== undefined;
  const model = typed.model?.value;
  if (!listens && model === undefined)
    refusals.push(usage('--model is missing', 'Write --model and the name that the predictor has for it.'));
  for (const name of ['body', 'through', 'svg'] as const)
    if (listens && typed[name]) refusals.push(usage(`--${name} says nothing with --listen`));
  for (const name of ['tls-ca', 'tls-cert', 'tls-key'] as const)
    if (typed[name] && !typed.tls?.value) refusals.push(usage(`--${name} says nothing without --tls`));
  if (refusals.length > 0 || !grpc) return { settled: undefined, refusals };
  const requests = typed.requests?.value;
  const upstreams = { grpc, rest, tls: tlsOf(typed) };
  if (listen) return { settled: { listen: { ...upstreams, listen, requests } }, refusals };
  const protocols = {
    ...upstreams,
    model: model ?? '',
    version: typed.version?.value ?? '',
    body: typed.body?.value,
    shapes,
    limit: { ms: requests === undefined ? (typed.seconds?.value ?? 5) * 1000 : MOST_MS, requests },
    concurrency: typed.concurrency?.value ?? 8,
    rounds: typed.rounds?.value ?? 3,
    timeoutMs: (typed.timeout?.value ?? 30) * 1000,
    through,
    svg: typed.svg?.value,
  };
  return { settled: { protocols }, refusals };
}

/** A port alone is one for everybody: who is to come comes from elsewhere. */
const withHost = (text: string): string => (/^\d+$/.test(text) ? `0.0.0.0:${text}` : text);

const tlsOf = (typed: Typed): TlsFiles | undefined =>
  typed.tls?.value
    ? { ca: typed['tls-ca']?.value, cert: typed['tls-cert']?.value, key: typed['tls-key']?.value }
    : undefined;

function shapesOf(texts: readonly string[], refusals: Refusal[]): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (const text of texts) {
    const [, name = '', sizes = ''] = /^(.+)=(\d+(?:x\d+)*)$/.exec(text) ?? [];
    const shape = sizes.split('x').map(Number);
    if (name === '') refusals.push(usage(`--shape "${text}" is not NAME=1x224x224x3`));
    else if (shapes.has(name)) refusals.push(usage(`--shape names "${name}" twice`, 'Keep one.'));
    else shapes.set(name, shape);
  }
  return shapes;
}

function throughOf(text: string | undefined, refusals: Refusal[]): URL | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol) && url.username === '') return url;
  const shown = text.includes('@') ? 'with an @' : `"${text.slice(0, 200)}"`; // what is before it may be secret
  const hint = 'Write the URL that clients use, up to where /v2 begins.';
  refusals.push(usage(`--through ${shown} is no http:// or https:// URL without a password`, hint));
  return undefined;
}
