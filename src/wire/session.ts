/** One HTTP/2 session (prior knowledge, or over mutual TLS): how far connecting got, and when the peer was last heard. */
import { type ClientHttp2Session, constants, connect as http2Connect } from 'node:http2';
import { isIP, type Socket, connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { printable } from '../printable.ts';
import { type Address, formatAddress } from './address.ts';
import type { Dial } from './tls.ts';
import { WireError, type WireLayer, wireErrorOf } from './wire-error.ts';

/** Room for large replies (tensors) without a round trip per 64 KiB, HTTP/2's default. */
const WINDOW_BYTES = 4 * 1024 * 1024;
/** A tensor in few frames: measured, 15 % more calls per second than with HTTP/2's 16 KiB. */
const FRAME_BYTES = 1024 * 1024;
/** Node refuses new streams when those of a session hold more; its 10 would be a dozen tensors. What is under way is bounded above. */
const SESSION_MEGABYTES = 4096;

export interface Session {
  readonly address: Address;
  /** Resolves when TCP stands, so that requests can be sent; rejects with a `WireError`. */
  readonly open: Promise<ClientHttp2Session>;
  /** Where a deadline that passes now was lost. */
  stage(): WireLayer;
  /** False once the peer said GOAWAY, the socket went, or it was given up: open another. */
  usable(): boolean;
  /** `performance.now()` of the last thing the peer sent. */
  heardAt(): number;
  heard(): void;
  /** No more calls; those under way go on. */
  retire(): void;
  destroy(why: WireError): void;
  /** Why it ended, for a stream that was cut with it. */
  failure(): WireError | undefined;
}

/** Starts to connect at once. `host` is resolved anew for each session, so a moved peer is found again. */
export function openSession(address: Address, windowBytes = WINDOW_BYTES, tls?: Dial): Session {
  const target = formatAddress(address);
  const socket = dial(address, tls);
  const { promise: open, resolve, reject } = Promise.withResolvers<ClientHttp2Session>();
  open.catch(() => undefined); // a session may be destroyed before anybody waits for it
  let stage: WireLayer = isIP(address.host) === 0 ? 'dns' : 'tcp';
  let usable = true;
  let failure: WireError | undefined;
  let heardAt = performance.now();
  let session: ClientHttp2Session | undefined;
  const heard = () => {
    heardAt = performance.now();
  };
  const fail = (error: WireError) => {
    usable = false;
    failure ??= error;
    reject(failure);
    session?.destroy();
    socket.destroy();
  };
  socket.once('lookup', (error) => {
    if (!error) stage = 'tcp';
  });
  socket.on('error', (error) => fail(wireErrorOf(error, target, stage)));
  socket.once('connect', () => {
    if (tls) stage = 'tls';
  });
  socket.once(tls ? 'secureConnect' : 'connect', () => {
    stage = 'http2';
    session = http2Connect('http://muster', {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: windowBytes, maxFrameSize: FRAME_BYTES },
      maxSessionMemory: SESSION_MEGABYTES,
      // Triton ends its words with a blank, and a field that does is dropped by default (RFC 9113 §8.2.1).
      strictFieldWhitespaceValidation: false,
    });
    session.once('connect', () => session?.setLocalWindowSize(Math.max(windowBytes, WINDOW_BYTES)));
    session.once('remoteSettings', () => {
      stage = 'grpc';
      heard();
    });
    session.on('ping', heard);
    session.on('goaway', (code, _last, data) => {
      usable = false;
      if (code === constants.NGHTTP2_INADEQUATE_SECURITY) fail(sentOff(target, data));
    });
    session.on('error', (error) => fail(wireErrorOf(error, target, stage)));
    session.once('close', () => fail(new WireError(stage, 'reset', `${target} closed the connection`)));
    resolve(session);
  });
  return {
    address,
    open,
    stage: () => stage,
    usable: () => usable,
    heardAt: () => heardAt,
    heard,
    retire: () => {
      usable = false;
      session?.close();
    },
    destroy: fail,
    failure: () => failure,
  };
}

const SILENT_MS = 1_000;

/**
 * Nothing has come of all its calls for a while when one is given up: it may be a connection that a network has swallowed. A
 * new one costs little if it is not.
 */
export const isSilent = (session: Session, since: number): boolean =>
  session.stage() === 'grpc' && performance.now() - Math.max(session.heardAt(), since) >= SILENT_MS;

function dial({ host, port }: Address, tls: Dial | undefined): Socket {
  return tls ? tlsConnect({ host, port, ...tls }).setNoDelay() : tcpConnect({ host, port, noDelay: true });
}

/** It says why: our certificate, or that we came without TLS. */
const sentOff = (target: string, why: Buffer | undefined): WireError =>
  new WireError('tls', 'untrusted', `${target} refuses the connection: ${printable(String(why ?? '')).slice(0, 1000)}`);
