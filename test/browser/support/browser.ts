/** Debian's chromium, one for a file of tests, with a fresh context for each test; and a proxy that adds a path. */
import { accessSync, constants } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';

/** Undefined: there is none on PATH. */
export const CHROMIUM = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((directory) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(directory, name)))
  .find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** Milliseconds; a browser starts in a second, and may share two cores with much else. */
const START_MS = 120_000;
const PATIENCE_MS = 60_000;

export async function aBrowser(): Promise<Browser> {
  const args = ['--disable-gpu', '--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];
  return chromium.launch({ executablePath: CHROMIUM ?? 'chromium', args, timeout: START_MS });
}

export interface Watched {
  readonly page: Page;
  /** Errors and warnings on the console, and exceptions. */
  readonly complaints: string[];
  /** Addresses that were asked. */
  readonly asked: string[];
  /** Those that were answered, or failed. */
  readonly answered: string[];
}

/** A page that is closed with the test. */
export async function aPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  onTestFinished(() => context.close());
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const [complaints, asked, answered]: [string[], string[], string[]] = [[], [], []];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (each) => asked.push(each.url()));
  for (const end of ['requestfinished', 'requestfailed'] as const)
    page.on(end as 'request', (each) => answered.push(each.url()));
  return { page, complaints, asked, answered };
}

/** Passes on what comes below `prefix`, without it; everything else is not there. */
export async function aProxy(prefix: string, port: number): Promise<number> {
  const server = createServer((incoming, outgoing) => {
    const { url = '', method, headers } = incoming;
    if (!url.startsWith(prefix)) return void outgoing.writeHead(404).end();
    const path = `/${url.slice(prefix.length)}`;
    const onward = request({ host: '127.0.0.1', port, path, method, headers }, (answer: IncomingMessage) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.once('error', () => outgoing.destroy());
    onward.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => gone(server));
  return (server.address() as AddressInfo).port;
}

function gone(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
