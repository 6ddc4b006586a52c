/**
 * grpc.health.v1 for the kubelet's `grpc` probes, over raw HTTP/2: no grpc-js, and node:http2 only once somebody speaks it.
 *
 * Services: "" and `ready` (the whole group), `startup`, `live`. A Watch gets the present answer at once and each change;
 * an unknown service is NOT_FOUND for Check and SERVICE_UNKNOWN for Watch (github.com/grpc/grpc/blob/master/doc/health-checking.md).
 */
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { STATUS } from '../../wire/frame.ts';
import { PATH, type ServingStatus } from '../rally/schema.ts';
import type { Board } from './board.ts';
import type { BoardKeeper } from './board-keeper.ts';
import { open, RESOURCE_EXHAUSTED, receive, refuse, say } from './health-wire.ts';
import { live, ready, started, type Verdict } from './verdicts.ts';

const SERVICES: Readonly<Record<string, (board: Board) => Verdict>> = { '': ready, ready, startup: started, live };

const MAX_WATCHES = 64;
/** A connection without a call is closed after this. Milliseconds. */
const IDLE_MS = 10_000;

export interface HealthServer {
  readonly http2: Http2Server;
  /** Ends each Watch after its last answer, and closes the connections. */
  end(): void;
}

export function healthServer(keeper: BoardKeeper): HealthServer {
  const http2 = createServer({
    settings: { maxConcurrentStreams: 8, enablePush: false, maxHeaderListSize: 8192 },
    maxSessionMemory: 1,
  });
  const sessions = new Set<ServerHttp2Session>();
  const watches = new Set<ServerHttp2Stream>();
  http2.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    closeWhenIdle(session);
  });
  http2.on('sessionError', () => {}); // garbage after the preface: the session is gone, nobody else is
  http2.on('stream', (stream, headers) => {
    stream.on('error', () => {}); // reset by the peer
    receive(stream, headers, (path, service) => {
      if (path === PATH.check) check(stream, service, keeper.board);
      else if (watches.size >= MAX_WATCHES) refuse(stream, RESOURCE_EXHAUSTED, `${MAX_WATCHES} watches are open`);
      else {
        watches.add(stream);
        stream.once('close', () => watches.delete(stream));
        watch(stream, service, keeper);
      }
    });
  });
  return {
    http2,
    end: () => {
      for (const stream of watches) stream.end();
      for (const session of sessions) session.close();
    },
  };
}

function closeWhenIdle(session: ServerHttp2Session): void {
  let calls = 0;
  session.on('stream', (stream) => {
    calls += 1;
    stream.once('close', () => {
      calls -= 1;
    });
  });
  session.setTimeout(IDLE_MS);
  session.on('timeout', () => {
    if (calls === 0) session.destroy();
  });
}

const servingOf = (service: string, board: Board): ServingStatus => {
  const verdict = Object.hasOwn(SERVICES, service) ? SERVICES[service] : undefined;
  if (!verdict) return 'SERVICE_UNKNOWN';
  return verdict(board).ok ? 'SERVING' : 'NOT_SERVING';
};

function check(stream: ServerHttp2Stream, service: string, board: Board): void {
  const status = servingOf(service, board);
  if (status === 'SERVICE_UNKNOWN') {
    refuse(stream, STATUS.notFound, 'services: "", ready, startup, live');
    return;
  }
  open(stream);
  say(stream, status);
  stream.end();
}

function watch(stream: ServerHttp2Stream, service: string, keeper: BoardKeeper): void {
  open(stream);
  let said: ServingStatus | undefined;
  const tell = (board: Board) => {
    const status = servingOf(service, board);
    if (status === said) return;
    said = status;
    say(stream, status);
  };
  stream.once('close', keeper.onChange(tell));
  tell(keeper.board);
}
