/** One name with several addresses: fakes on 127.0.0.1, 127.0.0.2, … of one port, and a name server that says what it is told. */
import { expect, onTestFinished, vi } from 'vitest';
import { GatewayMetrics } from '../../../src/gateway/ops/metrics.ts';
import type { Call, InferRequest } from '../../../src/gateway/protocol/infer.ts';
import { resolveGateway } from '../../../src/gateway/settings.ts';
import { openStack } from '../../../src/gateway/stack.ts';
import type { Resolve } from '../../../src/gateway/upstream/endpoints/resolve.ts';
import { textLog } from '../../../src/log.ts';
import { freePort } from '../support/servers.ts';
import { type FakeCall, fakePredictor, type Handler, INT8 } from './fixture.ts';

/** For what takes a moment on an idle machine. */
export const LONG = 60_000;

export const call = (more: Partial<Call> = {}): Call => ({
  deadlineAt: performance.now() + LONG,
  signal: new AbortController().signal,
  headers: {},
  ...more,
});

export const request = (more: Partial<InferRequest> = {}): InferRequest => ({
  model: 'm',
  version: '',
  id: '',
  parameters: {},
  inputs: [{ name: 'IN', datatype: 'INT8', shape: [1], data: Uint8Array.of(1) }],
  outputs: [],
  ...more,
});

export const answer: Handler = (asked) => {
  asked.send('ModelInferResponse', INT8([1]));
  asked.end();
};
export const unavailable: Handler = (asked) => asked.end(14, 'full');

/** One address. `infers` are the calls of ModelInfer and ModelStreamInfer that it got. */
export class Fake {
  readonly host: string;
  readonly infers: FakeCall[] = [];
  /** What it does with them. */
  does: Handler = answer;
  ready = true;
  port = 0;
  sessions = 0;
  #server: { close: () => Promise<void> } | undefined;

  constructor(host: string) {
    this.host = host;
  }

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  async start(port = this.port): Promise<void> {
    const infer: Handler = (asked) => {
      this.infers.push(asked);
      this.does(asked);
    };
    const ready: Handler = (asked) => {
      asked.send('ModelReadyResponse', { ready: this.ready });
      asked.end();
    };
    const handlers = { ModelInfer: infer, ModelStreamInfer: infer, ModelReady: ready };
    const opened = await fakePredictor(handlers, { host: this.host, port });
    opened.server.on('session', (session) => {
      this.sessions += 1;
      session.once('close', () => {
        this.sessions -= 1;
      });
    });
    this.port = opened.port;
    this.#server = opened;
  }

  async die(): Promise<void> {
    await this.#server?.close();
  }
}

/** On 127.0.0.1, 127.0.0.2, … of a port that is free on all of them. */
export async function fakes(count: number): Promise<readonly [Fake, ...Fake[]]> {
  const all = Array.from({ length: count }, (_, at) => new Fake(`127.0.0.${at + 1}`));
  const [first, ...others] = all as [Fake, ...Fake[]];
  // Of freePort, for one that died comes back to its port, which nobody else may have got meanwhile.
  for (let tries = 0; ; tries += 1) {
    await first.start(await freePort());
    try {
      for (const each of others) await each.start(first.port);
      return [first, ...others];
    } catch (error) {
      if ((error as { code?: string }).code !== 'EADDRINUSE' || tries > 10) throw error;
      for (const each of all) if (each.port > 0) await each.die().catch(() => {});
    }
  }
}

/**
 * What answers clients, with `several` addresses of the name `predictor.test` behind it.
 *
 * @param found what the name server says at first
 */
export async function frontOf(
  several: readonly Fake[],
  argv: readonly string[] = [],
  found = (): readonly string[] => several.map(({ host }) => host),
) {
  let says = found;
  const resolve: Resolve = async () => says();
  const named = [`--predictor_host=predictor.test:${several[0]?.port}`, '--predictor_protocol=grpc-v2'];
  const { settings, refusals } = resolveGateway([...named, '--predictor_flavour=triton', ...argv], {});
  if (!settings) throw new Error(JSON.stringify(refusals));
  const metrics = new GatewayMetrics({ running: () => 0, waiting: () => 0 });
  const lines: string[] = [];
  const log = textLog({ level: 'info', now: () => 0, write: (text) => lines.push(text) });
  const { predictor } = await openStack(settings, { metrics, tracing: undefined, log, resolve });
  onTestFinished(() => predictor.close());
  const metric = async (line: string): Promise<number> => {
    const text = await metrics.text();
    const found = text.split('\n').find((each) => each.startsWith(`muster_gateway_${line} `));
    return Number(found?.split(' ').at(-1) ?? 0);
  };
  const state = (fake: Fake, wanted: string) =>
    vi.waitFor(
      async () =>
        expect(await metric(`endpoints{upstream="predictor",address="${fake.address}",state="${wanted}"}`)).toBe(1),
      {
        timeout: LONG,
        interval: 20,
      },
    );
  return {
    predictor,
    lines,
    metric,
    /** Resolves when the metrics say so. */
    state,
    /** From now on the name server says this. */
    resolves: (to: () => readonly string[]) => {
      says = to;
    },
    ask: (times = 1, more: Partial<Call> = {}) =>
      Promise.all(Array.from({ length: times }, () => predictor.infer(request(), call(more)))),
  };
}
