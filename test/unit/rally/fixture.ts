/** Short ways to write rolls, hellos and schedules. */
import type { Hello } from '../../../src/launch/rally/rally.ts';
import { open, reduce } from '../../../src/launch/rally/reducer.ts';
import type { Effect, Event, Roll, Rules, Step } from '../../../src/launch/rally/roll.ts';
import type { HelloBody } from '../../../src/launch/rally/schema.ts';

export const hello = (member: string, how: Partial<Hello> = {}): Hello & HelloBody => ({
  member,
  incarnation: how.incarnation ?? incarnation(member, 1),
  wantedRank: undefined,
  preferredRank: undefined,
  terms: { 'tensor-parallel-size': '4', runtime: 'vllm' },
  digest: 'd'.repeat(64),
  versions: { muster: '0.1.0' },
  devices: 2,
  address: '10.0.0.1',
  fingerprint: undefined,
  ...how,
});

/** The `life`-th process of a member. */
export const incarnation = (member: string, life: number): string =>
  Buffer.from(`${member}/${life}`.padEnd(8, '.')).toString('hex').slice(0, 64);

export const rules = (how: Partial<Rules> = {}): Rules => ({
  self: hello('head', { wantedRank: 0, address: '10.0.0.100' }),
  worldSize: 3,
  generation: 1,
  timeoutMs: 600_000,
  beatMs: 1000,
  leaseMs: 3000,
  progressMs: 15_000,
  devicesNeeded: undefined,
  ...how,
});

export type Happening = readonly [atMs: number, event: Event];

/** Plays a schedule; effects of all steps together, `last` those of the last one. */
export function play(given: Rules, schedule: readonly Happening[]): Step & { readonly last: readonly Effect[] } {
  let { roll, effects }: Step = open(given, 0);
  let last = effects;
  for (const [at, event] of schedule) {
    const step = reduce(roll, event, at);
    roll = step.roll;
    last = step.effects;
    effects = [...effects, ...last];
  }
  return { roll, effects, last };
}

export const says = (conn: number, who: Hello): Event => ({ on: 'hello', conn, hello: who });
export const tick = (lateMs = 0, heard: readonly [number, number][] = []): Event => ({
  on: 'tick',
  lateMs,
  heard: new Map(heard),
});
export const closed = (conn: number): Event => ({ on: 'closed', conn });

/** What one stream was told, in order: `welcome 1`, `refused RANK_TAKEN`, `stop GROUP_LOST`, `close`. */
export const told = (effects: readonly Effect[], conn: number): string[] =>
  effects.flatMap((effect) => {
    if (effect.do === 'close') return effect.conn === conn ? ['close'] : [];
    if (effect.do !== 'send' || effect.to !== conn) return [];
    const { message } = effect;
    if (message.say === 'welcome') return [`welcome ${message.seat.rank}`];
    if (message.say === 'refused')
      return [`${message.retry ? 'later' : 'refused'} ${message.refusals.map(({ code }) => code).join('+')}`];
    if (message.say === 'stop') return [`stop ${message.ending.code}`];
    if (message.say === 'phase') return [`phase ${message.phase}`];
    return [message.say];
  });

/** The words of the refusals one stream was given. */
export const reasons = (effects: readonly Effect[], conn: number): string =>
  effects
    .flatMap((effect) =>
      effect.do === 'send' && effect.to === conn && effect.message.say === 'refused' ? effect.message.refusals : [],
    )
    .map(({ message }) => message)
    .join('\n');

/** How the group ended, if it did. */
export const endings = (effects: readonly Effect[]) =>
  effects.flatMap((effect) => (effect.do === 'ended' ? [effect.ending] : []));

export const holders = ({ places }: Roll): Record<number, string> =>
  Object.fromEntries([...places.values()].map(({ rank, hello: { member } }) => [rank, member]));
