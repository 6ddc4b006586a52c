/**
 * The last lines a program wrote, for the message that says why it ended. Bounded whatever the program does: so many
 * lines, so many bytes each, and a line that never ends is cut, not collected.
 *
 * A carriage return ends a line too (progress bars); empty lines are not worth keeping.
 */
import type { Readable } from 'node:stream';
import { printable } from '../printable.ts';

export const MAX_LINES = 40;
export const MAX_LINE_BYTES = 2048;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

export interface OutputTail {
  /** Takes every line of `stream`. Each stream keeps its own half-written line. */
  follow(stream: Readable): void;
  lines(): readonly string[];
}

/** @param onLine  called with each line as it ends, control characters escaped, at most 2 KiB */
export function outputTail(onLine: (line: string) => void = () => {}): OutputTail {
  const lines: string[] = [];
  const add = (bytes: Buffer) => {
    const line = cut(printable(bytes.toString('utf8')));
    if (line === '') return;
    lines.push(line);
    if (lines.length > MAX_LINES) lines.shift();
    onLine(line);
  };
  return {
    follow(stream) {
      const splitter = lineSplitter(add);
      stream.on('data', splitter.push);
      stream.once('end', splitter.flush); // a stream counts as closed before it says so
      stream.once('close', splitter.flush); // a torn one never ends
      stream.on('error', () => {}); // ... and that is no failure of ours
    },
    lines: () => [...lines],
  };
}

function lineSplitter(add: (line: Buffer) => void) {
  const line = Buffer.alloc(MAX_LINE_BYTES);
  let length = 0;
  const flush = () => {
    if (length > 0) add(line.subarray(0, length));
    length = 0;
  };
  const push = (chunk: Buffer) => {
    for (let from = 0; from < chunk.length; ) {
      const to = lineEnd(chunk, from);
      length += chunk.copy(line, length, from, to); // copies only what still fits
      if (to < chunk.length) flush();
      from = to + 1;
    }
  };
  return { push, flush };
}

/** Where the line that starts at `from` ends: at a newline, a carriage return, or the end of the chunk. */
function lineEnd(chunk: Buffer, from: number): number {
  for (let at = from; at < chunk.length; at += 1) if (chunk[at] === NEWLINE || chunk[at] === RETURN) return at;
  return chunk.length;
}

/** At most 2 KiB of UTF-8; escaping makes lines longer, and no character is cut in half. */
function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_LINE_BYTES) return text;
  return `${new TextDecoder().decode(bytes.subarray(0, MAX_LINE_BYTES - 3), { stream: true })}…`;
}
