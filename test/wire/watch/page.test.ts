/** The page over real HTTP: which files there are, what they may do, and what asking for it costs the probes. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { aResident } from './fixture.ts';

const WEB = join(import.meta.dirname, '../../../web');
const FILES = readdirSync(WEB).filter((name) => /\.(html|css|js|svg)$/.test(name));
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const get = (port: number, path: string, how: RequestInit = {}) => fetch(`http://127.0.0.1:${port}${path}`, how);
const read = (name: string) => readFileSync(join(WEB, name), 'utf8');

test.each(FILES)('/%s is served as it is, with its type and what it may do', async (name) => {
  const { port } = await aResident();
  const answer = await get(port, `/${name}`);
  expect(answer.status).toBe(200);
  expect(await answer.text()).toBe(read(name));
  expect(answer.headers.get('content-type')).toBe(TYPES[extname(name)]);
  const policy = answer.headers.get('content-security-policy')?.split('; ');
  expect(policy).toEqual(expect.arrayContaining(["default-src 'none'", "script-src 'self'", "connect-src 'self'"]));
  expect(policy?.join()).not.toMatch(/unsafe|http|\*/);
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
});

describe('GET /', () => {
  test('is the page', async () => {
    const { port } = await aResident();
    const answer = await get(port, '/?from=somewhere');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(await answer.text()).toBe(read('index.html'));
    const head = await get(port, '/', { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(head.headers.get('content-length')).toBe(String(Buffer.byteLength(read('index.html'))));
  });

  test.each([
    '/nope.js',
    '/view.d.ts',
    '/tsconfig.json',
    '/__proto__',
    '/constructor',
    '/../package.json',
    '/web/page.js',
    '/page.js/',
  ])('%s is not there', async (path) => {
    const { port } = await aResident();
    const answer = await get(port, path);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'text/plain; charset=utf-8']);
  });

  test('only GET and HEAD', async () => {
    const { port } = await aResident();
    expect((await get(port, '/', { method: 'DELETE' })).status).toBe(405);
  });
});

describe('the files', () => {
  test('ask nobody else: every address is relative', () => {
    for (const name of FILES) {
      const elsewhere =
        read(name).match(/\bhttps?:[^'"\s>]*|(?:src|href)=["']?\/[^"'\s>]*|url\([^)]*\)|@import\s+["'u]/g) ?? [];
      expect(elsewhere.filter((address) => address !== 'http://www.w3.org/2000/svg')).toEqual([]);
    }
  });

  test('make text of what peers say, never markup, and keep no style where the policy forbids it', () => {
    const code = FILES.filter((name) => name.endsWith('.js'))
      .map(read)
      .join('\n');
    expect(code).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\('style'/,
    );
    expect(read('index.html')).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/);
  });
});
