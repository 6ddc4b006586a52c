/** Server-sent events as bytes, for who passes them on: cut between events only, what one read brought in one piece. */

/** An empty line ends an event. */
const ENDS = [Buffer.from('\n\n'), Buffer.from('\n\r\n')];
const LONGEST_END = 3;
const TO_END = Buffer.from('\n\n');

/**
 * @param maxBytes of one event
 * @param tooLarge what is thrown when one has more
 */
export async function* wholeEvents(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number,
  tooLarge: () => Error,
): AsyncGenerator<Buffer, void, undefined> {
  let rest: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    const seam = Buffer.concat(rest.slice(-LONGEST_END)).subarray(1 - LONGEST_END);
    const end = endIn(Buffer.concat([seam, chunk])) - seam.length;
    if (end > 0) {
      yield Buffer.concat([...rest, chunk.subarray(0, end)]);
      rest = [];
      size = 0;
    }
    const open = chunk.subarray(Math.max(end, 0));
    if (open.length > 0) rest.push(open);
    size += open.length;
    if (size > maxBytes) throw tooLarge();
  }
  // The last event may lack its empty line; half a line is no event, and would swallow what is written behind it.
  const last = Buffer.concat(rest);
  if (/(\n|data: ?\[DONE\])$/.test(last.subarray(-64).toString('latin1'))) yield Buffer.concat([last, TO_END]);
}

/** Behind the last event that ends in `bytes`; 0: none does. */
const endIn = (bytes: Buffer): number =>
  Math.max(
    ...ENDS.map((end) => {
      const at = bytes.lastIndexOf(end);
      return at < 0 ? 0 : at + end.length;
    }),
  );
