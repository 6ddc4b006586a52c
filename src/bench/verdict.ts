/** What a table of ways comes to, in sentences: which way is how much cheaper, which one is in use, what to change. Pure. */
import { isMeasured, type Row } from './summary.ts';
import { TO_CHANGE, WAY_NAMES, type Way } from './ways.ts';

/** Which way somebody's hop to the predictor goes, and how that is known. */
export interface InUse {
  readonly way: Way;
  readonly how: string;
}

/** Less than this is not worth a change, and within what a busy machine does to a number. */
const WORTH = 1.5;

/** The ways that pass bytes: what we have advice for. */
const BYTES: ReadonlySet<string> = new Set<Way>(['binary', 'raw']);

/** @param inUse undefined: nobody was asked · null: somebody was, and does not tell */
export function verdict(rows: readonly Row[], inUse: InUse | undefined | null): readonly string[] {
  const ways = rows.filter((row) => row.way !== 'through' && isMeasured(row));
  const [best, ...others] = ways.toSorted((a, b) => a.cpuMs - b.cpuMs);
  const said: string[] = [];
  if (!best) return ['No way was measured: see why above.'];
  if (others.length === 0) said.push(`Only ${best.name} could be measured, so there is nothing to compare.`);
  else said.push(...comparison(best, others));
  const worse = others.filter((row) => timesOf(row, best) >= WORTH);
  if (inUse) said.push(...placed(rows, best, inUse));
  else if (inUse === null) said.push(NOT_TOLD);
  else if (worse.length > 0) said.push(ASK);
  const dear = inUse ? worse.filter(({ way }) => way === inUse.way) : worse;
  if (BYTES.has(best.way) && dear.length > 0) said.push(TO_CHANGE);
  return said;
}

const NOT_TOLD =
  'Which of these ways yours goes cannot be told from outside, and timing is no proof: let it speak to `muster bench protocols --listen` for a moment.';
const ASK =
  'Which of these ways your deployment goes: `--through URL` asks a muster gateway, `--listen PORT` looks at any transformer.';

/** By CPU, which holds on a busy machine, or by time, whichever differs more. */
const timesOf = (row: Row, best: Row): number => Math.max(row.cpuMs / best.cpuMs, row.p50 / best.p50);

function comparison(best: Row, others: readonly Row[]): string[] {
  const notable = others.filter((row) => timesOf(row, best) >= WORTH);
  if (notable.length === 0)
    return [`For this model the ways hardly differ (less than ${WORTH} times): leave it as it is.`];
  const each = notable
    .toSorted((a, b) => b.cpuMs - a.cpuMs)
    .map(
      (row) =>
        `${row.name} takes ${times(row.cpuMs / best.cpuMs)} the CPU, ${times(row.p50 / best.p50)} the time and ${bytesOf(row, best)}`,
    );
  const typed = notable.find(({ way }) => way === 'typed');
  const trap =
    typed && best.way !== 'typed' ? ['gRPC alone is not it: as typed lists every value is written by itself.'] : [];
  return [`${best.name} is the cheapest for this model; next to it ${inWords(each)}.`, ...trap];
}

function placed(rows: readonly Row[], best: Row, { way, how }: InUse): string[] {
  const row = rows.find((each) => each.way === way && isMeasured(each));
  const now = `Yours goes ${WAY_NAMES[way]} now (${how})`;
  if (way === best.way || !row || timesOf(row, best) < WORTH)
    return [`${now}: ${row ? 'leave it as it is.' : 'that way was not measured here.'}`];
  return [`${now}: ${best.name} would take ${times(row.cpuMs / best.cpuMs)} less CPU of it.`];
}

const bytesOf = (row: Row, best: Row): string => {
  const ratio = row.sent / best.sent;
  return ratio > 0.95 && ratio < 1.05 ? 'the same bytes' : `${times(ratio)} the bytes`;
};

/** `4.8 times`, `31 times`. */
export const times = (ratio: number): string => `${ratio < 9.95 ? ratio.toFixed(1) : Math.round(ratio)} times`;

const inWords = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join('; ')}; and ${parts.at(-1)}`;
