/** The page in a real browser: beside a real group that loses a member, and alone with whatever a member may say. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import type { GroupView } from '../../src/launch/watch/status-report.ts';
import { test } from '../process/support/stage.ts';
import { ending } from '../unit/watch/fixture.ts';
import { aResident, type Running } from '../wire/watch/fixture.ts';
import { accessibilityTree } from './support/accessibility.ts';
import { aBrowser, aPage, aProxy, CHROMIUM, type Watched } from './support/browser.ts';
import * as inPage from './support/in-page.js';
import { aPageGroup } from './support/page-group.ts';

let browser: Browser;
beforeAll(async () => {
  if (CHROMIUM) browser = await aBrowser();
});
afterAll(() => browser?.close());
beforeEach(({ skip }) => {
  if (!CHROMIUM) skip('there is no chromium on PATH');
});

const tile = ({ page }: Watched, rank: number) => page.locator(`[data-key="rank ${rank}"]`);
const says = (watched: Watched, selector: string, words: string | RegExp) =>
  watched.page.locator(selector).filter({ hasText: words }).waitFor();

/** @returns what the live region has said since */
async function news({ page }: Watched): Promise<() => Promise<string>> {
  await page.evaluate(inPage.listen);
  return () => page.evaluate(inPage.heard);
}

/** Of any generation: on a busy machine a member may be missed for a moment more. */
const READY = /^✓Ready, generation \d+$/;
const NOT_READY = /^…Not ready, generation \d+$/;

test('a group gathers, is ready, loses a worker and gets it back: the page follows live', async ({ stage }) => {
  const group = await aPageGroup(stage);
  const head = group.start(0);
  const other = group.start(1);
  await head.said(/m1 at .* is in as rank 1/, 60_000);
  const watched = await aPage(browser);
  await watched.page.goto(group.url(0));
  await says(watched, '#state', NOT_READY);
  await says(watched, '#awaited li', /^rank 2 at rally, for .*: has not reported yet$/);
  await tile(watched, 2).getByText('absent').waitFor();
  const heard = await news(watched);

  let worker = group.start(2);
  await says(watched, '#state', READY);
  await tile(watched, 2).getByText('serving').waitFor();
  await says(watched, '#no-faults', 'None');
  await says(watched, '#launch-words', /^Generation \d+ began at .* and was ready after /);
  await says(watched, '#waits tr', /^rally\s*m2 \(rank 2\)\s*m0 \(rank 0\), m1 \(rank 1\)/);

  await worker.said(/the whole group is ready/, 60_000);
  await group.killOutright(2);
  await says(watched, '#state', NOT_READY);
  await says(watched, '#faults li', /m2.*generation \d+, GROUP_LOST, exit status 79.*Caused by m2/s);
  await tile(watched, 2).getByText('absent').waitFor();
  expect(await tile(watched, 2).getByRole('heading').textContent()).toBe('m2');

  worker = group.start(2);
  await says(watched, '#state', READY);
  await tile(watched, 2).getByText('serving').waitFor();
  await other.said(/the whole group is ready/, 60_000);
  expect(await heard()).toMatch(/The group is ready\..*Fault: .*m2.*The group is ready\./s);

  const ofWorker = await aPage(browser);
  await ofWorker.page.goto(group.url(1));
  await says(ofWorker, '#elsewhere', 'The page of the head, at 127.0.0.1, shows all 3 members.');
  await says(ofWorker, '#state', READY);
  for (const [at, { complaints, asked }] of [watched, ofWorker].entries()) {
    expect(complaints).toEqual([]);
    expect(asked.filter((url) => !url.startsWith(group.url(at)))).toEqual([]);
  }
  await group.stop();
});

const MEMBERS: GroupView['members'] = ['head', 'worker-1', 'worker-2'].map((member, rank) => ({
  member,
  rank,
  incarnation: 'fcdea2a902f35ff7',
  address: `10.0.0.${rank + 2}`,
  phase: rank === 0 ? 'ready' : 'serving',
  phaseMs: 4_000,
  beatMs: rank * 100,
  connected: rank < 2,
  devices: 1,
}));

/** A head whose launch is over, that had a fault before, and waits for somebody. */
async function aHead(members: GroupView['members'] = MEMBERS, port = 0): Promise<Running> {
  const awaited = [{ member: 'worker-2', rank: 2, layer: 'rally', since: 0, detail: 'was in, and is gone' }] as const;
  const waiting = () => ({ line: 'waiting for worker-2', awaited });
  const resident = await aResident({ port, group: () => ({ members, leaseMs: 3_000 }), waiting });
  const change = resident.keeper.change.bind(resident.keeper);
  change({ on: 'generation', generation: 1 });
  change({ on: 'ended', ending: ending() });
  change({ on: 'generation', generation: 2 });
  change({ on: 'phase', phase: 'joined' });
  for (const { member, rank } of members.slice(1))
    change({ on: 'news', news: { what: 'arrived', member, rank, phase: 'joined' } });
  change({ on: 'phase', phase: 'serving' });
  return resident;
}

async function opened(resident: Running, path = '/', options: Parameters<typeof aPage>[1] = {}): Promise<Watched> {
  const watched = await aPage(browser, options);
  await watched.page.goto(`http://127.0.0.1:${resident.port}${path}`);
  await says(watched, '#link', 'Live');
  return watched;
}

test('works below a path of a proxy, and asks for nothing outside it', async () => {
  const resident = await aHead();
  const port = await aProxy('/groups/one/', resident.port);
  const watched = await aPage(browser);
  await watched.page.goto(`http://127.0.0.1:${port}/groups/one/`);
  await tile(watched, 1).getByText('serving').waitFor();
  expect(watched.complaints).toEqual([]);
  expect(watched.asked.filter((url) => !url.startsWith(`http://127.0.0.1:${port}/groups/one/`))).toEqual([]);
});

test('a connection that is lost is said, since when, and found again', async () => {
  const resident = await aHead();
  const watched = await opened(resident);
  const heard = await news(watched);
  await resident.close();
  await says(watched, '#link', /^Connection lost since \d\d:\d\d:\d\d \(.*\): .*Trying again\.$/);
  await says(watched, '#state', /Last known: Not ready/);
  expect(await watched.page.title()).toMatch(/^lost · /);
  await aHead(MEMBERS, resident.port);
  await says(watched, '#link', /^Live$/);
  expect(await heard()).toMatch(/The connection is lost since .*The connection is back\./s);
});

test('what peers say is text, whatever it looks like', async () => {
  const markup = '<img src=x onerror="document.title=1"><script>throw 1</script>\u202Etxt';
  const members = MEMBERS.map((each) => ({ ...each, member: `${markup}${each.rank}`, address: markup }));
  const resident = await aHead(members);
  resident.keeper.change({ on: 'ended', ending: ending({ message: markup, hint: markup, culprit: markup }) });
  const watched = await opened(resident);
  expect(await tile(watched, 1).getByRole('heading').textContent()).toBe(`${markup}1`);
  await says(watched, '#faults li', markup);
  expect(await watched.page.locator('main img, main script').count()).toBe(0);
  expect(watched.complaints).toEqual([]);
  expect(watched.asked.filter((url) => /x$/.test(url))).toEqual([]);
});

test('a thousand members: those in trouble are tiles, the rest a sentence', async () => {
  const [, one] = MEMBERS;
  if (!one) throw new Error('there are three');
  const members = Array.from({ length: 1_000 }, (_, rank) => ({
    ...one,
    member: `m${rank}`,
    rank,
    connected: rank !== 900,
  }));
  const resident = await aHead(members);
  resident.keeper.change({ on: 'seat', rank: 0, worldSize: 1_000, generation: 2 });
  const watched = await opened(resident);
  await says(watched, '#more', '872 more members: 872 serving');
  await tile(watched, 900).getByText('gone').waitFor();
  expect(watched.complaints).toEqual([]);
});

describe('for everybody', () => {
  test('the keyboard reaches all there is to do, in the order of the page, and stays where it is', async () => {
    const resident = await aHead();
    const watched = await opened(resident);
    const { page } = watched;
    const focused = () => page.evaluate(inPage.focusedText);
    const walk: string[] = [];
    for (let step = 0; step < 5; step += 1) {
      await page.keyboard.press('Tab');
      walk.push(await focused());
    }
    expect(walk).toEqual(['Skip to the members', 'Pause', 'The time line as a table', 'status', 'metrics']);

    await page.locator('#pause').focus();
    await page.keyboard.press('Space');
    await says(watched, '#link', /^Paused at /);
    await page.keyboard.press('Space');
    await says(watched, '#link', /^Live$/);
    await page.waitForResponse(/status$/);
    await page.waitForResponse(/status$/);
    expect(await focused()).toBe('Pause');

    await page.locator('summary').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('rowheader', { name: 'worker-1 (rank 1)' }).first().waitFor();
    await page.waitForResponse(/status$/);
    expect(await page.locator('details').getAttribute('open')).toBe('');

    await page.locator('.skip').focus();
    await page.keyboard.press('Enter');
    expect(await page.evaluate(inPage.focusedId)).toBe('members');
  });

  test('the accessibility tree has landmarks, headings, names, and a region that tells what changes', async () => {
    const resident = await aHead();
    const { page } = await opened(resident);
    const tree = await accessibilityTree(page);
    const of = (...roles: string[]) => tree.filter(({ role }) => roles.includes(role)).map(({ name }) => name);
    expect([of('banner').length, of('main').length, of('contentinfo').length, of('status').length]).toEqual([
      1, 1, 1, 1,
    ]);
    expect(of('region')).toEqual(['Group', 'Awaited', 'Members', 'Time line', 'Faults']);
    const headings = tree.filter(({ role }) => role === 'heading').map(({ level, name }) => `${level} ${name}`);
    expect(headings).toEqual([
      '1 muster head (rank 0)',
      ...['2 Group', '2 Awaited', '2 Members', '3 head', '3 worker-1', '3 worker-2'],
      ...['2 Time line', '3 Who waited for whom', '2 Faults'],
    ]);
    expect(of('image', 'img')).toEqual([expect.stringMatching(/^Generation 2 began at .*Each bar is a member/)]);
    expect(of('meter')).toEqual(['lease left of worker-1', 'lease left of worker-2']);
    expect(of('table')).toEqual(['Who waited for whom']);
    expect(of('link', 'button', 'DisclosureTriangle')).not.toContain('');
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    expect(await page.locator('#news').getAttribute('aria-live')).toBe('polite');
  });

  test.each(['light', 'dark'] as const)('every text has the contrast it needs: %s', async (colorScheme) => {
    const resident = await aHead();
    const { page } = await opened(resident, '/', { colorScheme });
    await page.locator('summary').click();
    const looksAt = async (least: number) => {
      const { looked, faint } = await page.evaluate(inPage.faintTexts);
      expect(faint).toEqual([]);
      expect(looked).toBeGreaterThan(least);
    };
    await looksAt(50);
    resident.keeper.change({ on: 'phase', phase: 'ready' });
    await page.locator('#state.ready').waitFor();
    await looksAt(50);
    await resident.close();
    await page.locator('[data-link="lost"]').waitFor();
    await looksAt(50);
  });

  test('on a narrow screen nothing has to be scrolled sideways, and nothing moves', async () => {
    const resident = await aHead();
    const { page } = await opened(resident, '/', { viewport: { width: 320, height: 640 } });
    expect(await page.evaluate(inPage.layout)).toEqual({ width: 320, animations: 0 });
  });
});

test('a page that nobody looks at asks nothing', async () => {
  const resident = await aHead();
  const watched = await opened(resident);
  await watched.page.evaluate(inPage.hide, true);
  // A question that was on its way may be answered still; then nothing is asked until somebody looks again.
  await expect.poll(() => watched.answered.length, { timeout: 30_000 }).toBe(watched.asked.length);
  resident.keeper.change({ on: 'phase', phase: 'ready' });
  const { length } = watched.asked;
  await watched.page.evaluate(inPage.after, 3_000);
  expect(watched.asked).toHaveLength(length);
  await watched.page.evaluate(inPage.hide, false);
  await says(watched, '#state', /^✓Ready, generation 2$/);
});
