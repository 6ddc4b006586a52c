/** What every life of every member did, and whether it may be so. Pure. */

/** A life is one process of one member: `worker-1#3` is the third. Times are milliseconds on one clock. */
export interface Event {
  readonly at: number;
  readonly life: string;
  /** The server was started; its generation ended, in the member's own words; or the process was over. */
  readonly on: 'started' | 'ended' | 'over';
  readonly rank: number;
  /** Of the server that was started. */
  readonly generation?: number;
  /** Which life of the head counted it: a head that is restarted counts from 1. */
  readonly headLife?: number;
}

interface Start extends Event {
  readonly generation: number;
  readonly headLife: number;
}

/** @returns every rule that is broken, in words; empty when all is well */
export function complaintsOf(events: readonly Event[], members: number): readonly string[] {
  const inOrder = [...events].sort((a, b) => a.at - b.at);
  const starts = inOrder.filter(({ on }) => on === 'started') as Start[];
  const lives = new Set(inOrder.map(({ life }) => life));
  return [
    ...[...byGeneration(starts)].flatMap(([name, of]) => [...ranksTwice(name, of), ...tooFew(name, of, members)]),
    ...[...lives].flatMap((life) => unpaired(inOrder.filter((event) => event.life === life))),
    ...[...lives].flatMap((life) => backwards(starts.filter((event) => event.life === life))),
    ...overlaps(starts),
  ];
}

/** Generations by the head that counted them. */
function byGeneration(starts: readonly Start[]): ReadonlyMap<string, readonly Start[]> {
  return Map.groupBy(starts, ({ headLife, generation }) => `generation ${generation} of head ${headLife}`);
}

const ranksTwice = (name: string, starts: readonly Start[]): string[] =>
  [...Map.groupBy(starts, ({ rank }) => rank)]
    .filter(([, of]) => of.length > 1)
    .map(([rank, of]) => `${name}: rank ${rank} was started by ${of.map(({ life }) => life).join(' and ')}`);

/**
 * The order to start is given when all are in. Who dies of the fault at that very moment may not have started; but a
 * generation in which half of the group never did was started without them.
 */
const tooFew = (name: string, starts: readonly Start[], members: number): string[] =>
  starts.length < members / 2 ? [`${name}: started by ${starts.length} of ${members} members`] : [];

/** In one life a start has an end before the next start, and the life ends with none open. */
function unpaired(events: readonly Event[]): string[] {
  const wrong: string[] = [];
  let open: Event | undefined;
  for (const event of events) {
    if (event.on === 'started' && open)
      wrong.push(`${event.life}: generation ${open.generation} did not end before the next start`);
    open = event.on === 'started' ? event : undefined;
  }
  if (open) wrong.push(`${open.life}: generation ${open.generation} never ended`);
  return wrong;
}

/** What one process counts, under one head, only grows. */
const backwards = (starts: readonly Start[]): string[] =>
  starts.flatMap((start, at) => {
    const before = starts[at - 1];
    if (!before || before.headLife !== start.headLife || before.generation < start.generation) return [];
    return [`${start.life}: generation ${start.generation} was started after ${before.generation}`];
  });

/** No member starts in an older generation than one that has begun anywhere. */
const overlaps = (starts: readonly Start[]): string[] =>
  starts.flatMap((start, at) => {
    const newer = starts.slice(0, at).find((other) => isBefore(start, other));
    return newer
      ? [`${start.life}: generation ${start.generation} was started after ${newer.life} had begun ${newer.generation}`]
      : [];
  });

const isBefore = (a: Start, b: Start): boolean =>
  a.headLife < b.headLife || (a.headLife === b.headLife && a.generation < b.generation);
