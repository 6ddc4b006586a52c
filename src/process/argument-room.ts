/**
 * Do the arguments and the environment fit through execve(2)? Past its limits it fails with E2BIG, and what cannot be
 * a C string or UTF-8 would arrive as something else: both are told before anything is started.
 *
 * Limits (execve(2), "Limits on size of arguments and environment"; fs/exec.c, `bprm_stack_limits`).
 */
import { readFileSync } from 'node:fs';
import type { Refusal } from '../errors.ts';
import type { Command } from './command.ts';

/** Bytes of one argument or one `NAME=value`, its NUL included (MAX_ARG_STRLEN, 32 pages of 4 KiB). */
export const MAX_STRING_BYTES = 131_072;
/** Bytes of all of them: at most three quarters of the default 8 MiB stack, at least ARG_MAX of old. */
const MOST_BYTES = 6 * 1024 * 1024;
const LEAST_BYTES = 128 * 1024;
const DEFAULT_BYTES = 2 * 1024 * 1024;
/** Bytes for what we and the kernel add: an env(1) prefix, the interpreter of a script, the file's own name. */
const RESERVE_BYTES = 16 * 1024;
const POINTER_BYTES = 8;

/** @returns the first thing that does not fit, or nothing */
export function noRoom({ argv, env }: Command, limits: string = readLimits()): Refusal | undefined {
  const program = argv[0];
  let total = RESERVE_BYTES;
  for (const [index, arg] of argv.entries()) {
    const subject = index === 0 ? 'the name of the program' : `argument ${index} of ${program}`;
    const refusal = unfit(subject, arg);
    if (refusal) return refusal;
    total += Buffer.byteLength(arg) + 1 + POINTER_BYTES;
  }
  for (const [name, value] of Object.entries(env)) {
    if (name === '' || name.includes('=')) {
      return notAString(
        `the environment variable ${JSON.stringify(name)} of ${program}`,
        'has a name the kernel cannot take (empty, or with =)',
      );
    }
    const refusal = unfit(`the environment variable ${name} of ${program}`, `${name}=${value}`);
    if (refusal) return refusal;
    total += Buffer.byteLength(name) + Buffer.byteLength(value) + 2 + POINTER_BYTES;
  }
  const room = roomBytes(limits);
  if (total <= room) return undefined;
  return {
    code: 'ARGS_TOO_LONG',
    message: `the arguments and the environment of ${program} need ${total} bytes; this process may pass ${room}`,
    hint: 'Move long values into files, drop environment variables, or raise the stack limit (ulimit -s): a quarter of it counts.',
  };
}

/** A message never shows the value: an environment variable may be a secret. */
function unfit(subject: string, text: string): Refusal | undefined {
  if (text.includes('\0')) return notAString(subject, 'holds a NUL byte, which no argument can carry');
  if (!text.isWellFormed()) return notAString(subject, 'holds half a surrogate pair, which UTF-8 cannot carry');
  const bytes = Buffer.byteLength(text) + 1;
  if (bytes <= MAX_STRING_BYTES) return undefined;
  return {
    code: 'ARGS_TOO_LONG',
    message: `${subject} is ${bytes - 1} bytes long; Linux takes ${MAX_STRING_BYTES - 1}`,
    hint: 'Write it to a file and pass the path of the file.',
  };
}

const notAString = (subject: string, what: string): Refusal => ({
  code: 'NOT_EXECUTABLE',
  message: `${subject} ${what}`,
  hint: 'Look at where the value comes from: the runtime file, the plan, or the environment.',
});

/** Bytes execve takes in all: a quarter of the soft stack limit, kept within the kernel's own bounds. */
export function roomBytes(limits: string): number {
  const soft = /^Max stack size\s+(\S+)/m.exec(limits)?.[1];
  if (soft === undefined) return DEFAULT_BYTES;
  if (soft === 'unlimited') return MOST_BYTES;
  return Math.max(LEAST_BYTES, Math.min(MOST_BYTES, Math.floor(Number(soft) / 4)));
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}
