/**
 * Would the kernel load this file? Looks at its first bytes as binfmt_elf and binfmt_script do, so that a missing
 * interpreter is told by name: execve(2) only says ENOENT, about a file everybody can see.
 *
 * A script without a #! line is refused, as docker and Kubernetes do; execvp(3) would hand it to /bin/sh.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import type { Refusal } from '../errors.ts';
import { findProgram } from './find-program.ts';

/** Bytes the kernel keeps of a first line (BINPRM_BUF_SIZE). */
const SHEBANG_BYTES = 256;
/** Interpreters that are scripts themselves; the kernel gives up at the fifth (ELOOP). */
const MAX_NESTING = 5;
/** Enough for every program header table and interpreter name a linker writes. */
const HEAD_BYTES = 4096;

/** @returns why the kernel would refuse `file`; nothing if it would load it, or if we may not read it ourselves */
export function unloadable(file: string, path: string | undefined, depth = 1): Refusal | undefined {
  const head = headOf(file);
  if (head === undefined) return undefined; // mode 0111: executable, yet not readable
  if (head.toString('latin1', 0, 4) === '\x7fELF') return missingLinker(file, head);
  if (head.toString('latin1', 0, 2) === '#!') return badScript({ file, path, depth }, head.subarray(2, SHEBANG_BYTES));
  return refuse(
    'NOT_EXECUTABLE',
    `${file} is neither a program nor a script with a #! line`,
    'Start it with a line like #!/bin/sh, or name its interpreter before it.',
  );
}

interface Script {
  readonly file: string;
  readonly path: string | undefined;
  readonly depth: number;
}

function badScript({ file, path, depth }: Script, head: Buffer): Refusal | undefined {
  const text = head.toString('utf8');
  const [, interpreter = '', gap = '', rest = ''] = /^[ \t]*([^ \t\n\0]*)([ \t]*)([^\n\0]*)/.exec(text) ?? [];
  if (interpreter === '') {
    return refuse('NOT_EXECUTABLE', `${file} names no interpreter after #!`, 'Write one, e.g. #!/bin/sh.');
  }
  if (depth >= MAX_NESTING) {
    return refuse('NOT_EXECUTABLE', `${file} is script number ${depth} in a chain of interpreters`, 'Use a program.');
  }
  const found = findProgram(interpreter.includes('/') ? interpreter : `./${interpreter}`);
  if (!found.ok) {
    const crlf = `${interpreter}${gap}${rest}`.endsWith('\r') ? ' Its lines end in CRLF: convert them to LF.' : '';
    return {
      ...found.refusal,
      message: `${file} needs an interpreter: ${found.refusal.message}`,
      hint: `${found.refusal.hint}${crlf}`,
    };
  }
  return unloadable(found.file, path, depth + 1) ?? missingBehindEnv({ file, path, depth }, found.file, rest);
}

/** `#!/usr/bin/env X`: env finds X on PATH, and the kernel hands all words behind env over as one. */
function missingBehindEnv({ file, path }: Script, interpreter: string, rest: string): Refusal | undefined {
  if (!interpreter.endsWith('/env')) return undefined;
  const split = /^-S[ \t]*(\S*)/.exec(rest);
  const name = split ? split[1]! : rest.replace(/[ \t]+$/, '');
  if (name === '' || name.startsWith('-') || name.includes('=')) return undefined; // options and assignments: env's matter
  const found = findProgram(name, path);
  if (found.ok) return undefined;
  const hint = /[ \t]/.test(name) ? 'Use #!/usr/bin/env -S when the interpreter takes arguments.' : found.refusal.hint;
  return { ...found.refusal, message: `${file} asks env for an interpreter: ${found.refusal.message}`, hint };
}

/** The dynamic linker an ELF file asks for (PT_INTERP); only 64-bit little-endian, which is all Node ships for. */
function missingLinker(file: string, head: Buffer): Refusal | undefined {
  if (head.length < 64 || head[4] !== 2 || head[5] !== 1) return undefined;
  const start = Number(head.readBigUInt64LE(32));
  const size = head.readUInt16LE(54);
  for (let index = 0, at = start; index < head.readUInt16LE(56) && at + 56 <= head.length; index += 1, at += size) {
    if (head.readUInt32LE(at) !== 3) continue; // PT_INTERP
    const from = Number(head.readBigUInt64LE(at + 8));
    const linker = head.toString('utf8', from, from + Number(head.readBigUInt64LE(at + 32)) - 1);
    if (linker === '' || findProgram(linker).ok) return undefined;
    return refuse(
      'NOT_FOUND',
      `${file} needs the dynamic linker ${linker}, which does not exist`,
      'It was built for another C library (glibc, musl): use an image that has that library, or a static build.',
    );
  }
  return undefined;
}

function headOf(file: string): Buffer | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    const buffer = Buffer.alloc(HEAD_BYTES);
    return buffer.subarray(0, readSync(fd, buffer));
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

const refuse = (code: 'NOT_FOUND' | 'NOT_EXECUTABLE', message: string, hint: string): Refusal => ({
  code,
  message,
  hint,
});
