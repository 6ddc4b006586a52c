/**
 * Random faults against a real group of four, one after the other, health checked before and after each.
 *
 * `MUSTER_SOAK_FAULTS` says how many, `MUSTER_SOAK_SEED` which: without it they are others each time. A failure prints how to
 * play the same again. docs/group.md says what was found.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { test } from '../process/support/stage.ts';
import { inject, type Verdict } from './faults.ts';
import { MEMBERS, memberOf, SoakGroup, type Status, until } from './group.ts';
import { complaintsOf } from './history.ts';
import { type Fault, KINDS, scheduleOf } from './schedule.ts';

const FAULTS = Number(process.env.MUSTER_SOAK_FAULTS ?? KINDS.length);
const SEED = Number(process.env.MUSTER_SOAK_SEED ?? Date.now() % 2 ** 32);
/** Of one fault, all waits of it together: a hang is found long before. Milliseconds. */
const STEP_MS = 300_000;
/** Open files may come and go; a leak of one a fault is seen. */
const SPARE_FILES = 16;

const say = (line: string) => void process.stderr.write(`soak: ${line}\n`);
const again = `MUSTER_SOAK_SEED=${SEED} MUSTER_SOAK_FAULTS=${FAULTS} npm run test:slow -- --project soak`;
const words = ({ kind, rank, other }: Fault) =>
  `${kind} ${memberOf(rank)}${kind.includes('-two') || kind.includes('-then-') ? ` and ${memberOf(other)}` : ''}`;

test(`${FAULTS} random faults leave nobody hanging, nothing behind, and nobody wrongly accused`, {
  timeout: FAULTS * STEP_MS,
}, async ({ stage, onTestFailed }) => {
  say(`seed ${SEED}, ${FAULTS} faults; the same again: ${again}`);
  const group = await SoakGroup.on(stage);
  onTestFailed(() => say(`failed; the same again: ${again}\n${group.lately(12)}`));
  let statuses = await group.healthy();
  const filesBefore = Math.max(...group.files());
  const wrong: string[] = [];
  const times: number[] = [];
  for (const [nth, fault] of scheduleOf(SEED, FAULTS, MEMBERS).entries()) {
    const title = `${nth + 1} ${words(fault)}`;
    const done = await step(group, fault, statuses);
    statuses = done.statuses;
    wrong.push(...done.wrong.map((each) => `${title}: ${each}`));
    times.push(done.toldMs);
    say(
      `${title}: told after ${seconds(done.toldMs)}, healthy after ${seconds(done.healedMs)}${done.wrong.map((each) => `\nsoak: WRONG ${each}`).join('')}`,
    );
  }
  expect(Math.max(...group.files())).toBeLessThan(filesBefore + SPARE_FILES);
  await group.stop();
  wrong.push(...complaintsOf(group.history(), MEMBERS));
  say(`${FAULTS} faults, ${wrong.length} complaints, slowest verdict ${seconds(Math.max(...times))}; seed ${SEED}`);
  expect(wrong).toEqual([]);
  expect(group.litter()).toEqual([]);
});

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

interface Done {
  readonly statuses: readonly Status[];
  readonly wrong: readonly string[];
  /** Until the last of those who must has told of it, and until all were ready again. */
  readonly toldMs: number;
  readonly healedMs: number;
}

async function step(group: SoakGroup, fault: Fault, before: readonly Status[]): Promise<Done> {
  await sleep(fault.afterMs);
  const marks = before.map((_, rank) => before[rank]?.at ?? '');
  const since = performance.now();
  const { verdict, after } = await inject(group, fault);
  const wrong = verdict ? await judged(group, verdict, marks) : [];
  const toldMs = performance.now() - since;
  await after?.();
  const statuses = await group.healthy();
  const healedMs = performance.now() - since;
  const hadNone = verdict === undefined;
  const all = [
    ...wrong,
    ...(hadNone ? quiet(statuses, before) : []),
    ...alike(statuses),
    ...(await group.orphans()).map((each) => `left behind: ${each}`),
  ];
  return { statuses, wrong: all, toldMs, healedMs };
}

/** Waits until every witness has told of a fault, and compares what they say first. */
async function judged(
  group: SoakGroup,
  { code, culprit, says, deaf }: Verdict,
  marks: readonly string[],
): Promise<string[]> {
  const witnesses = marks.map((_, rank) => rank).filter((rank) => !deaf.includes(rank));
  const told = new Map<number, Status['faults'][number]>();
  await until(
    async () => {
      for (const rank of witnesses) {
        const [first] = told.has(rank) ? [] : await group.told(rank, marks[rank] ?? '');
        if (first) told.set(rank, first);
      }
      return told.size === witnesses.length;
    },
    () => `only ${[...told.keys()].map(memberOf).join(', ') || 'nobody'} has noticed ${says}`,
  );
  const sentences = new Set([...told.values()].map(({ sentence }) => sentence.replace(/[\d.]+ s ago/, '')));
  const odd = [...told].filter(
    ([, each]) => each.code !== code || each.culprit !== culprit || !says.test(each.sentence),
  );
  return [
    ...odd.map(
      ([rank, each]) =>
        `${memberOf(rank)} says ${each.code} ${each.sentence} (culprit ${each.culprit}), not ${code} ${says} (${culprit})`,
    ),
    ...(sentences.size === 1 ? [] : [`they do not say the same: ${[...sentences].join(' | ')}`]),
  ];
}

/** Nothing has happened since. */
const quiet = (now: readonly Status[], before: readonly Status[]): string[] =>
  now.flatMap((each, rank) => {
    const was = before[rank];
    if (each.generation === was?.generation && each.faults.length === was.faults.length) return [];
    return [`${memberOf(rank)} was to notice nothing, and says ${each.lastEnding?.message}`];
  });

/** One generation, every rank once, and the head sees all. */
function alike(statuses: readonly Status[]): string[] {
  const told = statuses.map(({ generation, rank, member }) => `${member} is rank ${rank} in generation ${generation}`);
  const generations = new Set(statuses.map(({ generation }) => generation));
  const right =
    generations.size === 1 && statuses.every(({ rank, member }, at) => rank === at && member === memberOf(at));
  const seen = statuses[0]?.members?.filter(({ connected }) => connected).length;
  return [...(right ? [] : told), ...(seen === MEMBERS ? [] : [`the head sees ${seen} members`])];
}
