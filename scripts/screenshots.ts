/**
 * `node scripts/screenshots.ts`: the pictures of docs/page.md, from a real group of four on this machine. The model server
 * is the demo's, the browser Debian's chromium. A worker is stopped on the way, so that a fault and a return are seen.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, chromium, type Page } from 'playwright-core';
import sharp from 'sharp';
import { freePorts, MUSTER, root } from './group.ts';

const MEMBERS = 4;
const PICTURES = join(root, 'docs/images');
/** The demo's Python is that of the project. */
const env = { ...process.env, PATH: `${join(root, '.venv/bin')}:${process.env.PATH}` };

const [rally = 0, engine = 0, http = 0, ...probes] = await freePorts(3 + MEMBERS);
const members = new Map<number, ChildProcess>();

function start(rank: number): void {
  const name = rank === 0 ? 'llama-0' : `llama-0-${rank}`;
  const place = [`--world-size=${MEMBERS}`, `--rank=${rank}`, `--member=${name}`, '--head-address=127.0.0.1'];
  const ports = [
    `--rally-port=${rally}`,
    `--engine-port=${engine}`,
    `--server-port=${http}`,
    `--probe-port=${probes[rank]}`,
  ];
  const server = rank === 0 ? ['--', `--tensor-parallel-size=${MEMBERS}`] : [];
  const argv = [MUSTER[1], 'launch', 'demo-native', ...place, ...ports, '--restarts=3', ...server];
  members.set(rank, spawn(MUSTER[0], argv, { stdio: ['ignore', 'ignore', 'inherit'], env }));
}

/** SIGTERM, and waits for its end: nothing of it is left then. */
async function stop(rank: number): Promise<void> {
  const member = members.get(rank);
  if (!member || member.exitCode !== null || member.signalCode !== null) return;
  const gone = new Promise((resolve) => member.once('exit', resolve));
  member.kill('SIGTERM');
  await gone;
}

/** Until its probe port answers; at most ten seconds. */
async function answers(rank: number): Promise<void> {
  for (let left = 200; left > 0; left -= 1) {
    const isThere = await fetch(`http://127.0.0.1:${probes[rank]}/livez`).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    await sleep(50);
  }
  throw new Error(`member ${rank} does not answer on port ${probes[rank]}`);
}

async function open(browser: Browser, rank: number, width: number): Promise<Page> {
  const page = await browser.newPage({ viewport: { width, height: 700 }, locale: 'en-GB' });
  await page.goto(`http://127.0.0.1:${probes[rank]}/`);
  return page;
}

/** @param until words that are there once the page shows what is wanted */
async function picture(page: Page, name: string, until: RegExp): Promise<void> {
  await page.getByText(until).first().waitFor();
  const pixels = await page.screenshot({ fullPage: true });
  await sharp(pixels)
    .png({ palette: true, effort: 10 })
    .toFile(join(PICTURES, `page-${name}.png`));
}

mkdirSync(PICTURES, { recursive: true });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
try {
  for (const rank of [0, 1, 2]) start(rank);
  await Promise.all([0, 1].map(answers));
  const page = await open(browser, 0, 960);
  await picture(page, 'waiting', /has not reported yet/);
  start(3);
  await page.emulateMedia({ colorScheme: 'dark' });
  await picture(page, 'ready-dark', /Ready, generation 1/);
  await page.emulateMedia({ colorScheme: 'light' });
  await stop(2);
  await picture(page, 'lost', /1 of 4 members missing: rank 2/);
  start(2);
  await picture(page, 'ready', /Ready, generation 2/);
  await picture(await open(browser, 1, 400), 'worker', /Ready, generation 2/);
} finally {
  await browser.close();
  await Promise.all([...members.keys()].map(stop));
}
