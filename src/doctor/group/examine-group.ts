/** `doctor --group`: meet, listen, tell, dial, tell. Bounded in time; whoever is missing is named. */
import { hash } from 'node:crypto';
import { MusterError, reasonOf } from '../../errors.ts';
import type { Settings } from '../../launch/args/options.ts';
import type { TlsRead } from '../../launch/facts/tls.ts';
import { TlsKeeper } from '../../launch/facts/tls-keeper.ts';
import { type Log, textLog } from '../../log.ts';
import type { World } from '../../world.ts';
import { examine } from '../checks.ts';
import { listenHost } from '../facts/ports.ts';
import type { Facts } from '../facts.ts';
import { type Finding, sayAs } from '../finding.ts';
import { countOf } from '../report.ts';
import { compareMembers, type Dealt } from './compare.ts';
import { type Bell, openBell, ring } from './doorbell.ts';
import { matrixText, reachFindings } from './matrix.ts';
import { type Invited, type Met, meet } from './meet.ts';
import type { Heard } from './round.ts';
import { type Card, MAX_MEMBERS, type Open, TIME, type Try } from './words.ts';

/** The launch as it was prepared. */
export interface Prepared extends Invited {
  readonly settings: Settings;
  readonly tls: TlsRead | undefined;
}

export interface ExamineGroup {
  readonly world: World;
  readonly facts: Facts;
  /** Undefined: there is no plan, and so nobody to meet. */
  readonly prepared: Prepared | undefined;
}

export interface Examined {
  readonly findings: readonly Finding[];
  /** The table of who reaches whom. */
  readonly text: string;
  readonly json: unknown;
}

const say = sayAs('group');
const only = (finding: Finding): Examined => ({ findings: [finding], text: '', json: undefined });

export async function examineGroup({ world, facts, prepared }: ExamineGroup): Promise<Examined> {
  const { worldSize } = facts.needs;
  if (!prepared) {
    const next = 'Correct what the plan refuses, and start all members again: the others wait for this one.';
    return only(say.fail({ subject: 'meeting', value: 'not tried: there is no plan', next }));
  }
  if (worldSize === 1) return only(say.ok({ subject: 'members', value: 1, wanted: 'nobody to meet' }));
  if (worldSize > MAX_MEMBERS) {
    return only(
      say.warn({
        subject: 'members',
        value: worldSize,
        wanted: `at most ${MAX_MEMBERS} to try all pairs`,
        next: 'Examine parts of the group.',
      }),
    );
  }
  const log = textLog({ level: 'info', now: world.now, write: world.stderr, who: prepared.plan.member.value });
  try {
    const met = await meet({
      invited: prepared,
      tls: keeperOf(prepared, log),
      listenHost: listenHost(facts.needs),
      musterVersion: world.version,
      log,
      now: world.now,
    });
    return await tryEverybody(met, { facts, prepared, log });
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    return only(say.fail({ subject: error.code, value: error.message, next: error.hint }));
  }
}

/** Its files are not watched: an examination is shorter than a certificate's life. */
const keeperOf = ({ tls, settings }: Prepared, log: Log): TlsKeeper | undefined =>
  tls && new TlsKeeper(tls, { name: settings['tls-name']?.value, log, wallClock: () => Date.now() });

interface Own {
  readonly facts: Facts;
  readonly prepared: Prepared;
  readonly log: Log;
}

async function tryEverybody(met: Met, own: Own): Promise<Examined> {
  const { exchange, guests, rank } = met;
  const bells: Bell[] = [];
  try {
    const ports = await listenEverywhere(met, own.facts, bells);
    own.log.info(`all ${guests.length} members have met; each tries the ports of the others`);
    const dealt = asCards(await exchange.tell('cards', JSON.stringify(cardOf(rank, ports, own))));
    const mine = await dialAll(met, dealt);
    const told = await exchange.tell('tries', JSON.stringify(mine));
    const tries = told.flatMap(({ text }) => JSON.parse(text) as Try[]);
    const findings = [...compareMembers(guests, dealt), ...reachFindings(guests, tries)];
    return { findings, text: matrixText(guests, tries), json: { rank, members: guests, tries } };
  } finally {
    for (const bell of bells) bell.close();
    await exchange.close();
  }
}

const asCards = (heard: readonly Heard[]): Dealt[] =>
  heard.map(({ text, arrivedAt, rank }) => ({ card: { ...(JSON.parse(text) as Card), rank }, arrivedAt }));

function cardOf(rank: number, ports: readonly Open[], { facts, prepared }: Own): Card {
  const { model, software, devices, network, needs } = facts;
  const { version } = software.ray;
  return {
    rank,
    ports,
    terms: prepared.plan.terms,
    versions: { ...software.packages, ...(version !== undefined && needs.engine === 'ray' ? { ray: version } : {}) },
    fingerprint: model?.fingerprint,
    modelBytes: model?.weightBytes,
    devices: devices.nvidia || devices.amd,
    mtu: network.interfaces.find(({ name }) => name === needs.interface)?.mtu,
    failing: countOf(examine(facts), 'fail'),
    at: Date.now(),
  };
}

/** The rally port is left out: everybody has been there. One more the kernel chooses, for those that cannot be planned. */
async function listenEverywhere({ rank, secret }: Met, { needs }: Facts, bells: Bell[]): Promise<Open[]> {
  const wanted = [...needs.ports.filter(({ use }) => use !== 'rally'), { use: 'any', port: 0 }];
  const open = wanted.map(async ({ use, port }): Promise<Open> => {
    try {
      const bell = await openBell(listenHost(needs), port, wordsOf(secret, rank));
      bells.push(bell);
      return { use, port: bell.port };
    } catch (cause) {
      return { use, port, error: (cause as NodeJS.ErrnoException).code ?? reasonOf(cause) };
    }
  });
  return Promise.all(open);
}

/** Not the secret itself: it crosses the network, and strangers may ring. */
const wordsOf = (secret: string, rank: number): string => `muster doctor ${tag(secret)} rank ${rank}`;
const tag = (secret: string): string => hash('sha256', `doctor ${secret}`).slice(0, 12);

/** Tries at a time: of the largest group two turns are enough. */
const AT_ONCE = 256;

/** Everybody's ports but our own. */
async function dialAll({ rank, guests, secret }: Met, dealt: readonly Dealt[]): Promise<Try[]> {
  const targets = dealt.flatMap(({ card }) =>
    card.rank === rank ? [] : card.ports.map((open) => ({ to: card.rank, open })),
  );
  const tries: Try[] = [];
  const queue = targets.values();
  const dial = async () => {
    for (const { to, open } of queue) {
      const { use, port, error } = open;
      const host = guests.find((guest) => guest.rank === to)?.address ?? '';
      const outcome =
        error === undefined
          ? await ring({ host, port, expected: wordsOf(secret, to), timeoutMs: TIME.dialMs })
          : ({ how: 'untried', why: `it cannot listen there (${error})` } as const);
      tries.push({ from: rank, to, use, port, outcome });
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, targets.length) }, dial));
  return tries;
}
