/**
 * Our words on stderr, which must not hold us up: a pipe that nobody reads is full after 64 KiB, and a write to it would
 * stop the event loop, and with it the beats that say that this member lives.
 *
 * The pipe is therefore opened once more, not blocking. That is a description of our own: the one that the server gets
 * stays as it was. Touching `process.stderr` instead would leave it O_NONBLOCK for the server.
 */
import { constants, fstatSync, openSync, writeSync } from 'node:fs';

/** How long one reader that is only slow is waited for. Milliseconds. */
const PATIENCE_MS = 250;
const PAUSE_MS = 5;

const STDERR = 2;
/** Undefined until something is written. */
let ours: number | undefined;
/** Bytes that found no room, told when there is some again. */
let lost = 0;

const nap = new Int32Array(new SharedArrayBuffer(4));

/** Writes `text` whole, or not at all: to a stderr that is closed (EPIPE), or whose reader is stuck. Never throws. */
export function writeStderr(text: string): void {
  ours ??= openOurs();
  const note = lost > 0 ? `muster: ${lost} bytes of this log are lost: nobody read it\n` : '';
  const bytes = Buffer.from(note + text);
  // Who did not read just now is not waited for again.
  if (writeWithin(ours, bytes, lost > 0 ? 0 : PATIENCE_MS)) lost = 0;
  else lost += Buffer.byteLength(text);
}

function openOurs(): number {
  try {
    if (fstatSync(STDERR).isFIFO()) return openSync('/proc/self/fd/2', constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    // Closed, or another user's: then it is written as it is.
  }
  return STDERR;
}

/** @returns false when a part of it is lost */
function writeWithin(file: number, bytes: Buffer, patienceMs: number): boolean {
  const until = performance.now() + patienceMs;
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(file, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() >= until) return false;
      Atomics.wait(nap, 0, 0, PAUSE_MS);
    }
  }
  return true;
}
