import { describe, expect, test } from 'vitest';
import { compareMembers } from '../../../src/doctor/group/compare.ts';
import { matrixText, reachFindings } from '../../../src/doctor/group/matrix.ts';
import { Round } from '../../../src/doctor/group/round.ts';
import { opened, sign } from '../../../src/doctor/group/secret.ts';
import type { Card, Guest, Outcome, Try } from '../../../src/doctor/group/words.ts';

const GUESTS: Guest[] = [0, 1, 2].map((rank) => ({
  rank,
  member: rank === 0 ? 'head' : `w${rank}`,
  address: `10.0.0.${rank}`,
}));
const CARD: Omit<Card, 'rank'> = {
  ports: [],
  terms: { 'world size': '3' },
  versions: { ray: '2.58.0' },
  fingerprint: 'aa',
  modelBytes: 100,
  devices: 4,
  mtu: 1500,
  failing: 0,
  at: 1_000_000,
};
const dealt = (changes: Readonly<Record<number, Partial<Card>>> = {}, ranks = [0, 1, 2]) =>
  ranks.map((rank) => ({ card: { ...CARD, ...changes[rank], rank }, arrivedAt: 1_000_040 }));

describe('what members say of themselves, beside the head', () => {
  test('all the same: one line that names them', () => {
    expect(compareMembers(GUESTS, dealt())).toMatchObject([
      { level: 'ok', value: 3, wanted: 'rank 0 (head), rank 1 (w1), rank 2 (w2)' },
    ]);
  });

  test.each<{ when: string; change: Partial<Card>; level: string; subject: RegExp; wanted?: RegExp }>([
    {
      when: 'another plan',
      change: { terms: { 'world size': '4' } },
      level: 'fail',
      subject: /^world size of rank 2 \(w2\)/,
      wanted: /^3, as the head/,
    },
    {
      when: 'another Ray',
      change: { versions: { ray: '2.40.0', torch: '2.8.0' } },
      level: 'fail',
      subject: /^ray of rank 2/,
      wanted: /2\.58\.0/,
    },
    {
      when: 'another model',
      change: { fingerprint: 'bb' },
      level: 'fail',
      subject: /config\.json of rank 2/,
      wanted: /aa/,
    },
    { when: 'other weights', change: { modelBytes: 50 * 1024 ** 2 }, level: 'warn', subject: /weights of rank 2/ },
    { when: 'fewer GPUs', change: { devices: 2 }, level: 'note', subject: /GPUs of rank 2/ },
    { when: 'another MTU', change: { mtu: 9000 }, level: 'warn', subject: /MTU of rank 2/, wanted: /1500 bytes/ },
    { when: 'another time', change: { at: 1_060_000 }, level: 'warn', subject: /clock of rank 2/ },
    { when: 'findings of its own', change: { failing: 2 }, level: 'note', subject: /rank 2/ },
  ])('$when → $level', ({ change, level, subject, wanted = /^/ }) => {
    const odd = compareMembers(GUESTS, dealt({ 2: change })).filter((each) => each.level !== 'ok');
    expect(odd).toMatchObject([{ check: 'group', level }]);
    expect(odd[0]?.subject).toMatch(subject);
    expect(odd[0]?.wanted).toMatch(wanted);
  });

  test('one who met and then fell silent is named', () => {
    expect(compareMembers(GUESTS, dealt({}, [0, 2]))).toMatchObject([{ level: 'fail', subject: 'rank 1 (w1)' }]);
  });
});

const tried = (from: number, to: number, outcome: Outcome, [use, port]: [string, number] = ['engine', 6379]): Try => ({
  ...{ from, to, use, port, outcome },
});
const REACHED: Outcome = { how: 'reached', ms: 0.4 };

describe('who reaches whom', () => {
  test('everybody: one line', () => {
    expect(reachFindings(GUESTS, [tried(0, 1, REACHED), tried(1, 0, REACHED)])).toMatchObject([
      { level: 'ok', value: '2 of 2 tries' },
    ]);
  });

  test.each<{ outcome: Outcome; value: string; next: RegExp }>([
    { outcome: { how: 'refused' }, value: 'refused', next: /NetworkPolicy/ },
    { outcome: { how: 'timeout', ms: 2000 }, value: 'no answer in 2000 ms', next: /dropped/ },
    { outcome: { how: 'wrong', who: 'nginx' }, value: 'answered by nginx', next: /POD_IP/ },
    { outcome: { how: 'error', code: 'EHOSTUNREACH' }, value: 'EHOSTUNREACH', next: /routes/ },
  ])('$outcome.how', ({ outcome, value, next }) => {
    const [finding] = reachFindings(GUESTS, [tried(1, 0, outcome), tried(2, 0, outcome)]);
    expect(finding).toMatchObject({
      level: 'fail',
      subject: 'rank 1, rank 2 to rank 0 (head, 10.0.0.0), engine port 6379',
      value,
    });
    expect(finding?.next).toMatch(next);
  });

  test('a port that its own member could not open is no fault of the network', () => {
    expect(
      reachFindings(GUESTS, [tried(1, 0, { how: 'untried', why: 'it cannot listen there (EADDRINUSE)' })]),
    ).toMatchObject([{ level: 'note' }]);
  });

  test('a port nobody can plan: what stands behind it is said', () => {
    expect(reachFindings(GUESTS, [tried(1, 0, { how: 'refused' }, ['any', 40_123])])[0]?.next).toMatch(/NCCL/);
  });

  test('the table: rows dial, columns are dialled', () => {
    const tries = [
      tried(0, 1, REACHED, ['probe', 7601]),
      tried(1, 0, { how: 'refused' }),
      tried(2, 0, REACHED),
      tried(2, 1, REACHED, ['probe', 7601]),
    ];
    expect(matrixText(GUESTS, tries)).toBe(`
from \\ to  0 engine 6379  1 probe 7601
0 head     -              0.4 ms
1 w1       refused        -
2 w2       0.4 ms         0.4 ms
`);
  });

  test('no table without columns, and none that is wider than a screen', () => {
    expect(matrixText(GUESTS, [])).toBe('');
    const many = Array.from({ length: 20 }, (_, port) => tried(0, 1, REACHED, ['any', 40_000 + port]));
    expect(matrixText(GUESTS, many)).toMatch(/^20 tries between 3 members/);
  });
});

describe('a round in which all tell all', () => {
  const word = (rank: number, text = 'x') => ({ rank, text, arrivedAt: 1 });

  test('is complete when everybody was heard, in the order of ranks, each once', async () => {
    const round = new Round(2, 0);
    round.hear(word(1, 'first'));
    round.hear(word(1, 'again'));
    round.hear(word(7, 'a stranger'));
    expect(round.heard).toEqual([word(1, 'first')]);
    round.hear(word(0));
    await round.complete;
    expect(round.heard.map(({ rank }) => rank)).toEqual([0, 1]);
  });
});

test.each([
  { when: 'signed with the secret', json: JSON.stringify(sign('s', 'hello')), want: 'hello' },
  { when: 'signed with another', json: JSON.stringify(sign('t', 'hello')), want: undefined },
  { when: 'changed on the way', json: JSON.stringify({ ...sign('s', 'hello'), text: 'hullo' }), want: undefined },
  { when: 'no JSON', json: 'GET / HTTP/1.1', want: undefined },
  { when: 'no words', json: '{"proof":7}', want: undefined },
])('what is $when', ({ json, want }) => {
  expect(opened('s', json)).toBe(want);
});
