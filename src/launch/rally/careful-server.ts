/** grpc-js's server, made safe from strangers who are gone before it answers. */
import type { Http2Server, ServerHttp2Stream } from 'node:http2';
import { Server } from '@grpc/grpc-js';

/** What grpc-js 1.14 does once for each HTTP/2 server it makes; no public name leads there. */
interface Inner {
  _setupHandlers(http2: Http2Server, more: unknown): void;
}

/**
 * A call may end, or its connection, in the very packet that brought it. Where grpc-js knows no such method, or finds that it is
 * no call, it answers all the same, and that throws where nobody catches: one packet of a stranger ended the process. Here such a
 * call is never shown to it.
 */
export function carefulServer(options: ConstructorParameters<typeof Server>[0]): Server {
  const server = new Server(options);
  const inner = server as unknown as Inner;
  const setUp = inner._setupHandlers;
  inner._setupHandlers = (http2, more) => {
    setUp.call(server, http2, more);
    const answers = http2.listeners('stream') as ((stream: ServerHttp2Stream, ...rest: unknown[]) => void)[];
    http2.removeAllListeners('stream');
    http2.on('stream', (stream, ...rest) => {
      stream.on('error', () => {}); // its close tells
      if (stream.destroyed || stream.closed) return;
      for (const answer of answers) answer(stream, ...rest);
    });
  };
  return server;
}
