/**
 * The last words of a member: one JSON line that Kubernetes shows as the termination message of the container.
 *
 * The kubelet keeps 4,096 bytes of /dev/termination-log, so it is never longer. Who reads it knows from `origin` whether
 * the launcher or the server ended, which a status alone does not tell. Pure.
 */
import { type ErrorCode, EXIT, type ExitStatus, RETRIABLE } from '../../errors.ts';
import type { Ending } from '../rally/rally.ts';
import type { Board } from './board.ts';
import { redactor } from './redact.ts';

/** The kubelet keeps 4,096 bytes (k8s.io: terminationMessagePath); one is for the end of the line. */
export const MAX_BYTES = 4095;
/** Of a member's name; a DNS name has at most 253. Characters. */
const MAX_NAME = 253;

export interface LastWords {
  readonly ending: Ending;
  /** The status this process exits with. */
  readonly status: ExitStatus;
  /** The status is the server's own, mirrored after a stop. */
  readonly mirrored: boolean;
  /** Undefined: refused before there was one. */
  readonly board: Board | undefined;
  /** What the server or Ray said last, oldest first. */
  readonly lines: readonly string[];
  /** Values to blank wherever they stand. */
  readonly secrets: readonly string[];
  /** Milliseconds on the board's clock. */
  readonly now: number;
}

/** @returns one line of JSON without its end of line, at most `MAX_BYTES` of UTF-8 */
export function lastWords({ ending, status, mirrored, board, lines, secrets, now }: LastWords): string {
  const redacted = redactor(secrets);
  const clean = (text: string) => redacted(text).toWellFormed();
  const name = (text: string | undefined) => text && clean(text).slice(0, MAX_NAME);
  const words: Words = {
    v: 1,
    origin: isServers(ending, mirrored, board) ? 'server' : 'launcher',
    code: ending.code,
    status,
    retriable: RETRIABLE.has(ending.code) && status !== EXIT.ok,
    phase: board?.phase,
    generation: board?.generation,
    member: name(board?.member),
    culprit: name(ending.culprit),
    elapsedMs: board && Math.max(0, Math.round(now - board.startedAt)),
    message: clean(ending.message),
    hint: clean(ending.hint),
    lastLines: lines.map(clean),
  };
  return fitted(words);
}

interface Words {
  readonly v: 1;
  readonly origin: 'launcher' | 'server';
  readonly code: ErrorCode;
  readonly status: number;
  readonly retriable: boolean;
  readonly phase: string | undefined;
  readonly generation: number | undefined;
  readonly member: string | undefined;
  readonly culprit: string | undefined;
  readonly elapsedMs: number | undefined;
  readonly message: string;
  readonly hint: string;
  readonly lastLines: readonly string[];
}

/** It was our server that ended, by itself or because we were asked to stop. */
function isServers({ code, culprit }: Ending, mirrored: boolean, board: Board | undefined): boolean {
  const mine = culprit === undefined || culprit === board?.member;
  return mirrored || (mine && (code === 'SERVER_EXITED' || code === 'DONE'));
}

/** The oldest lines go first, then the end of the message, of the hint, of the names. */
function fitted(words: Words): string {
  const lineSizes = words.lastLines.map((line) => sizeOf(jsonOf(line)) + 1);
  let size = sizeOf(jsonOf(words));
  let dropped = 0;
  for (; size > MAX_BYTES && dropped < lineSizes.length; dropped += 1) size -= lineSizes[dropped] ?? 0;
  let rest: Words = { ...words, lastLines: words.lastLines.slice(dropped) };
  for (const key of ['message', 'hint', 'culprit', 'member'] as const) rest = shortened(rest, key);
  return jsonOf(rest);
}

/** The longest beginning of one text with which all of it fits; whole characters only. */
function shortened(words: Words, key: 'message' | 'hint' | 'culprit' | 'member'): Words {
  const text = words[key];
  if (text === undefined || sizeOf(jsonOf(words)) <= MAX_BYTES) return words;
  const characters = [...text.slice(0, MAX_BYTES)];
  const cut = (length: number): Words => ({ ...words, [key]: `${characters.slice(0, length).join('')}…` });
  let [fits, tooLong] = [0, characters.length];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (sizeOf(jsonOf(cut(middle))) <= MAX_BYTES) fits = middle;
    else tooLong = middle;
  }
  return cut(fits);
}

/** DEL and C1 controls drive terminals as C0 does, which JSON escapes by itself. */
const UNESCAPED = /[\u007f-\u009f]/g;
const jsonOf = (words: Words | string): string =>
  JSON.stringify(words).replace(UNESCAPED, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
const sizeOf = (text: string): number => Buffer.byteLength(text);
