/**
 * A gateway in this process, and a predictor that is not one: a bare HTTP/2 server which does what no real model server
 * can be told to do (be silent, die within an answer, say GOAWAY, send nonsense). Real ones are in test/gateway.
 */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import { onTestFinished } from 'vitest';
import { type Gateway, openGateway } from '../../../src/gateway/gateway.ts';
import { type GatewaySettings, resolveGateway } from '../../../src/gateway/settings.ts';
import { textLog } from '../../../src/log.ts';
import { frameHead } from '../../../src/wire/frame.ts';
import { MessageReader } from '../../../src/wire/message-reader.ts';
import { http2Server, PROTO } from '../support/servers.ts';

interface Official {
  readonly type: { readonly name: string };
  serialize(value: unknown): Buffer;
  deserialize(bytes: Buffer): unknown;
}
const loaded = Object.values(
  loadSync(join(PROTO, 'oip_infer.proto'), { keepCase: true, longs: Number, defaults: true }),
);
const official = new Map(
  (loaded as unknown as Official[]).filter((each) => 'deserialize' in each).map((each) => [each.type.name, each]),
);

export interface InferMessage {
  readonly model_name: string;
  readonly id: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly raw_input_contents: readonly Buffer[];
}

/** One call at the fake: what came, and the stream to answer on. */
export class FakeCall {
  readonly stream: ServerHttp2Stream;
  readonly headers: Readonly<Record<string, string>>;
  readonly message: Buffer;

  constructor(stream: ServerHttp2Stream, headers: Readonly<Record<string, string>>, message: Buffer) {
    this.stream = stream;
    this.headers = headers;
    this.message = message;
  }

  get infer(): InferMessage {
    return official.get('ModelInferRequest')!.deserialize(this.message) as InferMessage;
  }

  head(): this {
    if (!this.stream.headersSent)
      this.stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    return this;
  }

  /** One message of the named type. @returns false when the stream takes no more for now */
  send(type: string, value: object): boolean {
    const bytes = official.get(type)!.serialize(value);
    return this.head().stream.write(Buffer.concat([frameHead(bytes.length), bytes]));
  }

  end(status = 0, message = ''): void {
    this.head();
    this.stream.once('wantTrailers', () =>
      this.stream.sendTrailers({ 'grpc-status': String(status), 'grpc-message': message }),
    );
    this.stream.end();
  }
}

export type Handler = (call: FakeCall) => void;

export const INT8 = (values: readonly number[]) => ({
  model_name: 'm',
  model_version: '1',
  outputs: [{ name: 'OUT', datatype: 'INT8', shape: [values.length] }],
  raw_output_contents: [Buffer.from(values)],
});
/** One streamed answer whose text_output is `text`. */
export const token = (text: string) => {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  const outputs = [{ name: 'text_output', datatype: 'BYTES', shape: [1] }];
  return { infer_response: { model_name: 'm', outputs, raw_output_contents: [Buffer.concat([length, bytes])] } };
};
/** A stream without an end, as fast as anybody takes it. `held` is told how much went out when nobody does any more. */
export const endless =
  (held: (bytes: number) => void): Handler =>
  (call) => {
    const big = token('x'.repeat(64 * 1024));
    let sent = 0;
    const send = () => {
      for (;;) {
        sent += 64 * 1024;
        if (!call.send('ModelStreamInferResponse', big)) break;
        if (sent > 200_000_000) return held(sent);
      }
      // Nobody took it for a while: it is held back.
      const timer = setTimeout(() => held(sent), 500);
      call.stream.once('drain', () => {
        clearTimeout(timer);
        send();
      });
    };
    send();
  };
export const FINAL = { infer_response: { parameters: { triton_final_response: { bool_param: true } } } };

const answering =
  (type: string, value: object): Handler =>
  (call) => {
    call.send(type, value);
    call.end();
  };
const DEFAULTS: Readonly<Record<string, Handler>> = {
  ServerMetadata: answering('ServerMetadataResponse', { name: 'triton', extensions: ['binary_tensor_data'] }),
  ServerLive: answering('ServerLiveResponse', { live: true }),
  ServerReady: answering('ServerReadyResponse', { ready: true }),
  ModelReady: answering('ModelReadyResponse', { ready: true }),
  ModelMetadata: answering('ModelMetadataResponse', {
    name: 'm',
    inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [1] }],
  }),
  ModelInfer: answering('ModelInferResponse', INT8([1, 2])),
};

/** Named methods do as they are told here, the others as a good server would. */
export async function fakePredictor(handlers: Readonly<Record<string, Handler>> = {}, at = {}) {
  const all = { ...DEFAULTS, ...handlers };
  return http2Server((server) => {
    server.on('stream', (stream: ServerHttp2Stream, headers) => {
      const reader = new MessageReader(1 << 30);
      stream.on('error', () => undefined);
      let message = Buffer.alloc(0);
      stream.on('data', (chunk: Buffer) => {
        const cut = reader.push(chunk);
        if (!('error' in cut)) message = Buffer.concat([message, ...cut]);
      });
      stream.once('end', () => {
        const method = String(headers[':path']).split('/').at(-1) ?? '';
        all[method]?.(new FakeCall(stream, headers as Record<string, string>, message));
      });
    });
  }, at);
}

export interface TestGateway extends Gateway {
  readonly log: string[];
}

/** In front of the port; closed with the test. */
export const gateway = (predictorPort: number, ...argv: string[]): Promise<TestGateway> =>
  gatewayOf(settingsFor(predictorPort, argv));

/** HTTP and gRPC on one port, which is any free one. */
export const onePortGateway = (predictorPort: number, ...argv: string[]): Promise<TestGateway> =>
  gatewayOf({ ...settingsFor(predictorPort, argv), onePort: true });

function settingsFor(predictorPort: number, argv: readonly string[]): GatewaySettings {
  const { settings, refusals } = resolveGateway(argv, {
    MUSTER_GATEWAY_MODEL_NAME: '*',
    MUSTER_GATEWAY_PREDICTOR_HOST: `127.0.0.1:${predictorPort}`,
    MUSTER_GATEWAY_PREDICTOR_PROTOCOL: 'grpc-v2',
    MUSTER_GATEWAY_HTTP_PORT: '0',
    MUSTER_GATEWAY_HOST: '127.0.0.1',
    MUSTER_GATEWAY_DRAIN_SECONDS: '0',
  });
  if (!settings) throw new Error(JSON.stringify(refusals));
  return settings;
}

async function gatewayOf(settings: GatewaySettings): Promise<TestGateway> {
  const log: string[] = [];
  const opened = await openGateway(settings, {
    version: '0',
    log: textLog({ level: 'warn', now: () => 0, write: (text) => log.push(text) }),
  });
  onTestFinished(() => opened.close());
  return Object.assign(opened, { log });
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly json: { readonly error?: string } & Record<string, unknown>;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

export const INFER = '/v2/models/m/infer';
export const BODY = JSON.stringify({ inputs: [{ name: 'IN', datatype: 'INT8', shape: [2], data: [1, 2] }] });

/** A whole exchange on a connection of its own. */
export async function ask(
  port: number,
  path: string,
  { method, headers = {}, body, signal }: Ask = {},
): Promise<Answer> {
  const response = await open(port, path, { method, headers, body, signal } as Ask);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const all = Buffer.concat(chunks);
  const text = String(all);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: all,
    json: text.startsWith('{') && response.headers['content-type'] === 'application/json' ? JSON.parse(text) : {},
  };
}

/** The head of an answer; its body is the caller's to read, or not. */
export function open(
  port: number,
  path: string,
  { method, headers = {}, body, signal }: Ask = {},
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const asked = httpRequest(
    {
      host: '127.0.0.1',
      port,
      path,
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers,
      agent: false,
      ...(signal ? { signal } : {}),
    },
    resolve,
  );
  asked.once('error', reject);
  asked.end(body);
  return promise;
}

/** Bytes as they are typed, and all that comes back until the gateway closes. */
export async function raw(port: number, text: string): Promise<{ socket: Socket; all: Promise<string> }> {
  const socket = connect({ host: '127.0.0.1', port });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  let seen = '';
  socket.on('data', (chunk) => {
    seen += String(chunk);
  });
  socket.on('error', () => undefined);
  const all = new Promise<string>((resolve) => socket.once('close', () => resolve(seen))); // cut is closed too
  socket.write(text);
  return { socket, all };
}

/** Resolves when `happened` is called. */
export function event<T = void>() {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { came: promise, happened: resolve };
}
