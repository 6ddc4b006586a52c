/** `muster bench protocols`: asks what the model is, tries each way once, measures them in turns, and says what that comes to. */
import { readFileSync } from 'node:fs';
import { MusterError, reasonOf } from '../errors.ts';
import { Failure } from '../gateway/failure.ts';
import type { InferRequest, ModelMetadata, ServerMetadata } from '../gateway/protocol/infer.ts';
import { readV2 } from '../gateway/protocol/v2.ts';
import { flavourOf } from '../gateway/upstream/oip/flavour.ts';
import { OipGrpc } from '../gateway/upstream/oip/oip-grpc.ts';
import { formatAddress } from '../wire/address.ts';
import { noLists } from './encode.ts';
import { callFor, dialOf } from './exchange.ts';
import { describeInputs, invent } from './invent.ts';
import type { Round, Target } from './messages.ts';
import type { ProtocolsSettings, TlsFiles } from './settings.ts';
import { isMeasured, type Outcome, type Row, rowOf } from './summary.ts';
import type { Report } from './table.ts';
import { WayThread } from './thread.ts';
import { addressOf, askInUse } from './through.ts';
import { type InUse, verdict } from './verdict.ts';
import { type Measured, WAY_NAMES, WAYS } from './ways.ts';

export interface Surroundings {
  /** A line about where it stands. */
  readonly say: (line: string) => void;
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** Of what the predictor says of itself. */
const ASK_MS = 10_000;
const MAX_METADATA_BYTES = 4 * 1024 * 1024;
const HINT = 'Look at --upstream (where it speaks gRPC, not HTTP), --model and --version.';

/** @throws MusterError BENCH_PREDICTOR, BENCH_REQUEST, CONFIG_INVALID; what aborted the signal */
export async function benchProtocols(settings: ProtocolsSettings, around: Surroundings): Promise<Report> {
  const { metadata, server } = await lookAt(settings, around.signal);
  const { request, notes } = makeRequest(settings, metadata);
  const jsonOnly = flavourOf(server) === 'mlserver';
  const inUse =
    settings.through && (await askInUse(settings.through, tlsFor(settings.through, settings.tls), jsonOnly));
  around.say(
    `${settings.model} ${describeInputs(request)}; at most ${Math.ceil(mostMs(settings) / 1000)} s and the time of the last requests`,
  );
  const tracks = targetsOf(settings, request).map((target) => new Track(target, settings.concurrency));
  try {
    for (const track of tracks) await track.try(around.signal);
    refuseIfNone(tracks);
    await rounds(tracks, settings, around);
    return reportOf(settings, request, { tracks, notes, inUse });
  } finally {
    await Promise.all(tracks.map((each) => each.close()));
  }
}

async function lookAt(
  { grpc, tls, model, version }: ProtocolsSettings,
  signal: AbortSignal,
): Promise<{ metadata: ModelMetadata; server: ServerMetadata }> {
  const predictor = new OipGrpc({ ...grpc, tls: dialOf({ address: grpc, tls }), maxReplyBytes: MAX_METADATA_BYTES });
  try {
    const server = await predictor.metadata(callFor(ASK_MS, signal));
    return { metadata: await predictor.modelMetadata(model, version, callFor(ASK_MS, signal)), server };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw refusing(error.message, HINT, error);
  } finally {
    predictor.close();
  }
}

const refusing = (message: string, hint: string, cause?: unknown): MusterError =>
  new MusterError({ code: 'BENCH_PREDICTOR', message, hint }, { cause });

function makeRequest(
  { model, version, body, shapes }: ProtocolsSettings,
  metadata: ModelMetadata,
): { request: InferRequest; notes: string[] } {
  if (body !== undefined) return { request: readRequest(body, model, version), notes: [] };
  const made = invent({ ...metadata, name: model }, version, shapes);
  if ('refusals' in made) {
    const [first, ...more] = made.refusals;
    throw new MusterError([first!, ...more]);
  }
  const { request, opened } = made;
  const sizes = `--shape says otherwise; open sizes of ${opened.join(', ')} were taken as 1`;
  return { request, notes: opened.length > 0 ? [sizes] : [] };
}

function readRequest(file: string, model: string, version: string): InferRequest {
  try {
    return readV2({ model, version, body: readFileSync(file), jsonBytes: undefined }).request;
  } catch (cause) {
    const message = `--body ${file} holds no request: ${reasonOf(cause)}`;
    const hint =
      'Give a file with the JSON of V2: {"inputs": [{"name": …, "datatype": …, "shape": […], "data": […]}]}.';
    throw new MusterError({ code: 'BENCH_REQUEST', message, hint }, { cause });
  }
}

/** One for each way, in the order of the table; with why not in place of those that cannot be. */
function targetsOf(settings: ProtocolsSettings, request: InferRequest): readonly (Target | LeftOut)[] {
  const { grpc, rest, tls, timeoutMs, through } = settings;
  const common = { path: '', tls, request, timeoutMs };
  const targets = WAYS.map((way): Target | LeftOut => {
    if (way === 'raw') return { ...common, way, address: grpc };
    const why = way === 'typed' ? noLists(request.inputs) : rest ? undefined : 'no --rest host:port was given';
    const address = way === 'typed' ? grpc : rest;
    return why === undefined && address ? { ...common, way, address } : { way, leftOut: why ?? '' };
  });
  if (!through) return targets;
  const path = through.pathname.replace(/\/+$/, '').replace(/\/v2$/, '');
  return [...targets, { ...common, way: 'through', address: addressOf(through), path, tls: tlsFor(through, tls) }];
}

/** Its own URL says whether it speaks TLS, not --tls. */
const tlsFor = ({ protocol }: URL, tls: TlsFiles | undefined): TlsFiles | undefined =>
  protocol === 'https:' ? (tls ?? { ca: undefined, cert: undefined, key: undefined }) : undefined;

interface LeftOut {
  readonly way: Measured;
  readonly leftOut: string;
}

/** One way with its thread and what came of it. */
class Track {
  readonly way: Measured;
  readonly #thread: WayThread | undefined;
  readonly #rounds: Round[] = [];
  #tried: Outcome['tried'] = { leftOut: '' };

  constructor(target: Target | LeftOut, concurrency: number) {
    this.way = target.way;
    if ('leftOut' in target) this.#tried = target;
    else this.#thread = new WayThread(target, concurrency);
  }

  get outcome(): Outcome {
    return { way: this.way, tried: this.#tried, rounds: this.#rounds };
  }

  get works(): boolean {
    return !('leftOut' in this.#tried);
  }

  async try(signal: AbortSignal): Promise<void> {
    const tried = await this.#thread?.try(signal);
    if (tried)
      this.#tried =
        'kind' in tried ? { leftOut: `its first request failed with ${tried.kind}: ${tried.words}` } : tried;
  }

  async measure(how: Parameters<WayThread['measure']>[0], signal: AbortSignal): Promise<void> {
    const round = await this.#thread?.measure(how, signal);
    if (round) this.#rounds.push(round);
  }

  async close(): Promise<void> {
    await this.#thread?.close();
  }
}

/** What all ways refuse is no question of the way. */
function refuseIfNone(tracks: readonly Track[]): void {
  if (tracks.some(({ works }) => works)) return;
  const { tried } = tracks.find(({ way }) => way === 'raw')!.outcome;
  const words = 'leftOut' in tried ? tried.leftOut : '';
  if (/decoupled/.test(words))
    throw refusing(
      'the model is decoupled: it answers by a stream, and none of the four ways carries one',
      'Compare the ways with a model of one answer that takes the same inputs.',
    );
  throw refusing(
    `the request works in no way; over gRPC, raw ${words}`,
    'Give a request that the model takes with --body, or the shape of its inputs with --shape.',
  );
}

async function rounds(tracks: readonly Track[], settings: ProtocolsSettings, around: Surroundings): Promise<void> {
  const { limit, concurrency } = settings;
  const working = tracks.filter(({ works }) => works);
  const from = around.now();
  for (let round = 1; round <= settings.rounds; round += 1) {
    for (const track of working) {
      const since = Math.round((around.now() - from) / 1000);
      around.say(`round ${round} of ${settings.rounds}, ${WAY_NAMES[track.way]} (${since} s since the first)`);
      await track.measure({ limit, concurrency }, around.signal);
      around.signal.throwIfAborted();
    }
  }
}

const mostMs = ({ limit, rounds: count, rest, through }: ProtocolsSettings): number =>
  1.1 * limit.ms * count * ((rest ? 4 : 2) + (through ? 1 : 0));

/** Each way's numbers come from so many requests at least, or it is said. */
const ENOUGH = 200;
const fewOf = (rows: readonly Row[]): string[] => {
  const fewest = Math.min(...rows.filter(isMeasured).map(({ answered }) => answered));
  return fewest < ENOUGH
    ? [`A way had only ${fewest} requests: give it more --seconds before you trust small differences.`]
    : [];
};

interface Found {
  readonly tracks: readonly Track[];
  readonly notes: readonly string[];
  readonly inUse: InUse | null | undefined;
}

function reportOf(settings: ProtocolsSettings, request: InferRequest, { tracks, notes, inUse }: Found): Report {
  const { model, grpc, rest, limit, concurrency, rounds: count } = settings;
  const rows = tracks.map(({ outcome }) => rowOf(outcome));
  const much = limit.requests === undefined ? `${limit.ms / 1000} s` : `${limit.requests} requests`;
  return {
    model,
    where: `${formatAddress(grpc)}${rest ? `, REST ${formatAddress(rest)}` : ''}`,
    inputs: describeInputs(request),
    tensorBytes: request.inputs.reduce((sum, { data }) => sum + data.length, 0),
    how: `${count} ${count === 1 ? 'round' : 'rounds'} of ${much} a way, ${concurrency} at once`,
    rows,
    verdict: verdict(rows, inUse),
    notes: [...notes, ...fewOf(rows)],
  };
}
