/** Server-sent events → their data, as they come: what one read brought is one step. */
import type { IncomingMessage } from 'node:http';
import { StringDecoder } from 'node:string_decoder';

/**
 * The `data` of the events that came together. An event that is not ended is kept until it is; one that the end of the stream
 * cuts is dropped, as the standard has it.
 *
 * @param tooLarge what is thrown when one event has more than `maxBytes`
 */
export async function* readEvents(
  response: AsyncIterable<Buffer> | IncomingMessage,
  maxBytes: number,
  tooLarge: () => Error,
): AsyncGenerator<readonly string[], void, undefined> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const text = decoder.write(chunk).replaceAll('\r', '');
    rest += text;
    if (rest.length > maxBytes) throw tooLarge();
    if (!text.includes('\n')) continue; // a long event is not searched again for each part of it
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    const events = blocks.map(dataOf).filter((each) => each !== '');
    if (events.length > 0) yield events;
  }
}

/** The lines of `data:` together; comments and other fields say nothing to us. */
function dataOf(block: string): string {
  return block
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice('data:'.length).replace(/^ /, ''))
    .join('\n');
}
