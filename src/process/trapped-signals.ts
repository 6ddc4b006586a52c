/**
 * Signals that libuv has caught and nobody has heard of yet. Its handler writes each into a pipe to itself, from which the
 * next turn of the loop reads; a process that is replaced before that turn would lose them, and listeners that are taken off
 * in between are not called any more (libuv, src/unix/signal.c).
 */
import { closeSync, constants, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';

/** `uv__signal_msg_t`: a pointer, then the number as an int, padded. Bytes, on every 64-bit machine. */
const MESSAGE_BYTES = 16;
const NUMBER_AT = 8;
/** Messages; more than can come in the moments this is about. */
const MOST = 64;

/** Takes them out of the pipe. Call it once nobody listens any more. @returns their numbers, in the order they came */
export function takeTrappedSignals(): readonly number[] {
  return selfPipes().flatMap((descriptor) => {
    const bytes = Buffer.alloc(MESSAGE_BYTES * MOST);
    const length = readNow(descriptor, bytes);
    return Array.from({ length: Math.floor(length / MESSAGE_BYTES) }, (_, index) =>
      bytes.readInt32LE(index * MESSAGE_BYTES + NUMBER_AT),
    );
  });
}

/** One descriptor of each pipe of which both ends are ours: to anybody else's nothing here must happen. */
function selfPipes(): readonly number[] {
  const firsts = new Map<string, number>();
  const both = new Set<number>();
  for (const name of listed('/proc/self/fd')) {
    const target = Number(name) > 2 ? linked(`/proc/self/fd/${name}`) : undefined;
    if (!target?.startsWith('pipe:')) continue;
    const first = firsts.get(target);
    if (first === undefined) firsts.set(target, Number(name));
    else both.add(first);
  }
  return [...both];
}

/** Opened anew, so that it does not wait whatever the original does. */
function readNow(descriptor: number, into: Buffer): number {
  try {
    const file = openSync(`/proc/self/fd/${descriptor}`, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return readSync(file, into);
    } finally {
      closeSync(file);
    }
  } catch {
    return 0; // EAGAIN: nothing was trapped. Or there is no /proc.
  }
}

function listed(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function linked(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
