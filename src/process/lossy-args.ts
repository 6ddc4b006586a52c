/**
 * Arguments that Node has already damaged. Node decodes argv as UTF-8 and puts U+FFFD where bytes are none, so a server
 * would get another file name than the user wrote. The kernel still has the bytes: compare, and refuse.
 */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import type { Refusal } from '../errors.ts';

/**
 * @param argv     what the user typed behind `muster`: the end of this process's argument list
 * @param cmdline  /proc/self/cmdline, each argument ended by a NUL
 * @returns        one refusal (64) naming the first damaged argument, counted from 1, with its real bytes in hex
 */
export function lossyArgs(argv: readonly string[], cmdline: Buffer = readCmdline()): Refusal | undefined {
  if (!argv.some((arg) => arg.includes('\ufffd'))) return undefined;
  const raw = splitAtNul(cmdline).slice(-argv.length);
  for (const [index, arg] of argv.entries()) {
    const bytes = raw[index];
    // A changed process title, or no /proc: these are not the bytes of this argument, so they prove nothing.
    if (bytes === undefined || bytes.toString('utf8') !== arg || isUtf8(bytes)) continue;
    return {
      code: 'USAGE',
      message: `argument ${index + 1} holds bytes that are not UTF-8 (hex ${bytes.toString('hex').slice(0, 64)})`,
      hint: 'Node cannot pass such bytes on unchanged: rename the file, or put the value where the server reads it itself.',
    };
  }
  return undefined;
}

function splitAtNul(cmdline: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let from = 0, to = cmdline.indexOf(0); to >= 0; from = to + 1, to = cmdline.indexOf(0, from)) {
    parts.push(cmdline.subarray(from, to));
  }
  return parts;
}

function readCmdline(): Buffer {
  try {
    return readFileSync('/proc/self/cmdline');
  } catch {
    return Buffer.alloc(0);
  }
}
