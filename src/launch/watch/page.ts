/**
 * The page at `GET /`: the files of `web/`, which show what `/status` says. Loaded by the first browser that asks, 40 KB
 * that a launch nobody watches does not read. The build puts their texts into the bundle; from sources they are read.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

/** JSON: name of a file to its text; set by scripts/build.ts. */
declare const MUSTER_PAGE: string | undefined;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The page runs its own files, asks its own member, and can do nothing else: no markup from strings, no frame, no form. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/** A folder on top of `src/`. */
const SOURCES = join(import.meta.dirname, '../../../web');

type Texts = Readonly<Record<string, string>>;
const texts = new Map(
  Object.entries(typeof MUSTER_PAGE === 'undefined' ? pageTexts(SOURCES) : (JSON.parse(MUSTER_PAGE) as Texts)),
);

/** What a browser gets, by file name. */
export function pageTexts(directory: string): Texts {
  const names = readdirSync(directory).filter((name) => extname(name) in TYPES);
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name), 'utf8')]));
}

export interface PageReply {
  readonly status: 200;
  readonly body: string;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** @param path `/`, or a file beside it; undefined: there is none */
export function pageReply(path: string): PageReply | undefined {
  const name = path === '/' ? 'index.html' : path.slice(1);
  const body = texts.get(name);
  return body === undefined ? undefined : { status: 200, body, type: TYPES[extname(name)] ?? '', headers: HEADERS };
}
