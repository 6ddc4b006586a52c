/**
 * `GET /metrics`: the board as Prometheus metrics. prom-client is loaded by the first scrape, 13 ms and 2 MiB that a
 * launch nobody scrapes does not pay; until then the board's own history keeps the durations.
 *
 * docs/probes.md lists each metric; ages are seconds, as Prometheus wants them.
 */
import type { Counter, Gauge, Histogram } from 'prom-client';
import { PHASES } from '../rally/rally.ts';
import type { Lap } from './board.ts';
import type { BoardKeeper } from './board-keeper.ts';
import type { GroupView } from './status-report.ts';
import { live, ready, started } from './verdicts.ts';

/** Members with a series of their own; a larger group is told by its worst member only. */
export const MAX_MEMBER_SERIES = 1000;

/** Seconds; weights of a large model take half an hour. */
const BUCKETS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];

export interface MetricsInput {
  readonly keeper: BoardKeeper;
  readonly group: () => GroupView | undefined;
  readonly version: string;
  /** When the TLS certificate of the rally ends, milliseconds since 1970; undefined without TLS. */
  readonly tlsValidUntil?: (() => number | undefined) | undefined;
  /** Milliseconds on the board's clock. */
  readonly now: () => number;
}

export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

export async function openMetrics(input: MetricsInput): Promise<Metrics> {
  // Not `{ Registry }`: a bundler gives a CommonJS module its default export only.
  const { default: prom } = await import('prom-client');
  const registry = new prom.Registry();
  const gauge: MakeGauge = (name, help, ...labelNames) =>
    new prom.Gauge({ name: `muster_${name}`, help, labelNames, registers: [registry] });
  const show = [ofMember(gauge, input), ofGroup(gauge), ...ofTls(gauge, input)];
  const restarts = new prom.Counter({
    name: 'muster_restarts_total',
    help: 'Generations begun after another one ended, by the code of that end',
    labelNames: ['reason'],
    registers: [registry],
  });
  const laps = new prom.Histogram({
    name: 'muster_phase_seconds',
    help: 'Seconds that a phase lasted, once it is over',
    labelNames: ['phase'],
    buckets: BUCKETS,
    registers: [registry],
  });
  followLaps(input.keeper, laps);
  return {
    contentType: registry.contentType,
    text: () => {
      for (const each of show) each(input);
      showRestarts(restarts, input);
      return registry.metrics();
    },
  };
}

type MakeGauge = (name: string, help: string, ...labelNames: string[]) => Gauge;
type Show = (input: MetricsInput) => void;

/** What every member tells. */
function ofMember(gauge: MakeGauge, { keeper, version }: MetricsInput): Show {
  const { member, role, engine, runtime } = keeper.board;
  gauge('build_info', 'Always 1; what runs', 'version', 'node').set({ version, node: process.versions.node }, 1);
  gauge('member_info', 'Always 1; who this is', 'member', 'role', 'engine', 'runtime').set(
    { member, role, engine, runtime },
    1,
  );
  const verdicts = [
    [gauge('live', '1 while this process and its server are alive'), live],
    [gauge('started', '1 once the group was ready in this generation'), started],
    [gauge('ready', '1 while the whole group is ready'), ready],
  ] as const;
  const phase = gauge('phase', '1 for the phase this member is in, 0 for the others', 'phase');
  const phaseAge = gauge('phase_age_seconds', 'Seconds since that phase was reached');
  const generation = gauge('generation', 'Start of the whole group: 1, 2, 3, …');
  const worldSize = gauge('world_size', 'Members the group has when it is complete');
  const limit = gauge('restarts_limit', 'Restarts that may be made within the restart window');
  return ({ now }) => {
    const { board } = keeper;
    for (const [each, verdict] of verdicts) each.set(verdict(board).ok ? 1 : 0);
    for (const name of PHASES) phase.set({ phase: name }, name === board.phase ? 1 : 0);
    phaseAge.set((now() - board.phaseSince) / 1000);
    generation.set(board.generation);
    worldSize.set(board.worldSize);
    limit.set(board.restartLimit);
  };
}

/** Nothing without TLS: a series of 0 would say that the certificate ended in 1970. */
function ofTls(gauge: MakeGauge, { tlsValidUntil }: MetricsInput): Show[] {
  if (tlsValidUntil?.() === undefined) return [];
  const end = gauge('tls_certificate_not_after_seconds', 'Unix time at which the TLS certificate of the rally ends');
  return [() => end.set((tlsValidUntil() ?? 0) / 1000)];
}

/** What only the head tells. `gone`: its stream is closed; `absent`: nobody has taken that rank yet. */
function ofGroup(gauge: MakeGauge): Show {
  const members = gauge('members', 'Members of the group in each state, on the head', 'state');
  const age = gauge('beat_age_seconds', 'Seconds since each member was last heard, on the head', 'member');
  const margin = gauge('lease_margin_seconds', 'Seconds until the most silent member would count as lost');
  const lease = gauge('lease_seconds', 'Seconds of silence after which a member counts as lost');
  return ({ group, keeper }) => {
    const view = group();
    for (const each of [members, age, margin, lease]) each.reset();
    // A gauge without labels is born and reset to 0, which would say "no margin left": a worker leaves it out.
    for (const each of [margin, lease]) each.remove();
    if (!view) return;
    const stateOf = ({ connected, phase }: GroupView['members'][number]) => (connected ? (phase ?? 'joined') : 'gone');
    const counts = new Map<string, number>([...PHASES, 'gone'].map((state) => [state, 0]));
    for (const each of view.members) counts.set(stateOf(each), (counts.get(stateOf(each)) ?? 0) + 1);
    counts.set('absent', Math.max(0, keeper.board.worldSize - view.members.length));
    for (const [state, count] of counts) members.set({ state }, count);
    const watched = view.members.filter(({ rank, phase }) => rank !== 0 && phase !== 'handed-over');
    lease.set(view.leaseMs / 1000);
    if (watched.length > 0) margin.set((view.leaseMs - watched.reduce((max, m) => Math.max(max, m.beatMs), 0)) / 1000);
    if (watched.length > MAX_MEMBER_SERIES) return;
    for (const each of watched) age.set({ member: each.member }, each.beatMs / 1000);
  };
}

function showRestarts(counter: Counter, { keeper }: MetricsInput): void {
  counter.reset();
  for (const [reason, count] of Object.entries(keeper.board.restartReasons)) counter.inc({ reason }, count);
}

/** Each phase once, those before the first scrape too. */
function followLaps(keeper: BoardKeeper, histogram: Histogram): void {
  const observe = (laps: readonly Lap[]) => {
    for (const { phase, tookMs } of laps) histogram.observe({ phase }, tookMs / 1000);
  };
  observe(keeper.board.history);
  keeper.onChange(({ history }, before) => {
    if (history !== before.history) observe(history.filter((lap) => !before.history.includes(lap)));
  });
}
