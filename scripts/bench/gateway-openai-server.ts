/** An OpenAI server that says 5,000 tokens, each in an event and a write of its own. Prints its port, then serves until it is ended. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

const TOKENS = 5_000;
const HEAD = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'm' };
const eventOf = (at: number): string => {
  const choices = [{ index: 0, delta: { content: ` token${at}` }, logprobs: null, finish_reason: null }];
  return `data: ${JSON.stringify({ ...HEAD, choices })}\n\n`;
};

const server = createServer((request, response) => {
  request.resume();
  request.once('end', () => void answer(request.url ?? '', response));
});

async function answer(path: string, response: ServerResponse): Promise<void> {
  if (!path.endsWith('/completions')) {
    response.end(JSON.stringify({ object: 'list', data: [{ id: 'm' }] }));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (let at = 0; at < TOKENS && !response.destroyed; at += 1) {
    if (!response.write(eventOf(at))) await once(response, 'drain');
    await turn();
  }
  response.end('data: [DONE]\n\n');
}

server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
