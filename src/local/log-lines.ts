/**
 * The log of a container as Docker sends it: frames of stdout and stderr, each line with its time. One clock stamps the
 * lines of all members, so that they can be put in one order. Pure.
 */

export interface LogLine {
  /** Nanoseconds since 1970 would not fit a number: `2026-11-21T12:01:14.123456789Z`, all digits there, so that text sorts. */
  readonly at: string;
  readonly text: string;
}

/** A line that is longer is cut, not collected. Docker itself splits at 16 KiB. */
export const MAX_LINE = 16_384;
const HEADER = 8;

/** Takes what arrives, in pieces of any size; gives the lines that are whole. */
export function frameReader(): (chunk: Buffer) => LogLine[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const lines: LogLine[] = [];
    while (rest.length >= HEADER) {
      const end = HEADER + rest.readUInt32BE(4);
      if (rest.length < end) break;
      const line = parseLine(rest.toString('utf8', HEADER, end));
      if (line) lines.push(line);
      rest = rest.subarray(end);
    }
    return lines;
  };
}

/** `2026-11-21T12:01:14.1Z words` with its digits filled up. */
export function parseLine(payload: string): LogLine | undefined {
  const [, second, fraction = '', text = ''] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z ([^\n]*)/.exec(payload) ?? [];
  if (second === undefined) return undefined;
  return { at: `${second}.${fraction.padEnd(9, '0')}Z`, text: text.replace(/\r$/, '').slice(0, MAX_LINE) };
}

/** As Docker's `since` takes it: the first nanosecond behind this line. */
export function justAfter(at: string): string {
  const seconds = Math.floor(Date.parse(`${at.slice(0, 19)}Z`) / 1000);
  const nanos = Number(at.slice(20, 29)) + 1;
  return nanos === 1_000_000_000 ? `${seconds + 1}.000000000` : `${seconds}.${String(nanos).padStart(9, '0')}`;
}

/** One order for lines that each come in their own, earliest first; of equals, whose source comes first. */
export async function* inOrder<T extends { readonly at: string }>(
  sources: readonly AsyncIterator<T>[],
): AsyncGenerator<T, void, undefined> {
  const heads = await Promise.all(sources.map(async (source) => ({ source, next: await source.next() })));
  for (;;) {
    let first: (typeof heads)[number] | undefined;
    for (const each of heads) {
      if (!each.next.done && (!first || each.next.value.at < (first.next.value as T).at)) first = each;
    }
    if (!first) return;
    yield first.next.value as T;
    first.next = await first.source.next();
  }
}
