/** One Triton for a test file, and gateways before it; all gone with the file. */
import { afterAll, beforeAll } from 'vitest';
import { startTriton, type Triton } from '../../scripts/triton.ts';
import { type Gateway, openGateway } from '../../src/gateway/gateway.ts';
import { resolveGateway } from '../../src/gateway/settings.ts';
import { textLog } from '../../src/log.ts';

export interface Pair {
  readonly triton: Triton;
  readonly gateway: Gateway;
}

/** Both are there when the first test runs. @param models of test/gateway/models and `echo_…`, `identity` */
export function withTriton(models: readonly string[], ...argv: string[]): Pair {
  let pair: Pair | undefined;
  beforeAll(async () => {
    const triton = await startTriton({ models });
    pair = { triton, gateway: await gatewayTo(triton.grpcPort, ...argv) };
  }, 600_000);
  afterAll(async () => {
    await pair?.gateway.close();
    await pair?.triton.kill();
  });
  return {
    get triton() {
      return pair!.triton;
    },
    get gateway() {
      return pair!.gateway;
    },
  };
}

export const gatewayTo = (grpcPort: number, ...argv: string[]): Promise<Gateway> => gatewayWith({}, grpcPort, argv);

/** @param env settings that are refused as flags */
export async function gatewayWith(
  env: Readonly<Record<string, string>>,
  grpcPort: number,
  argv: readonly string[],
): Promise<Gateway> {
  const { settings, refusals } = resolveGateway(argv, {
    ...env,
    MUSTER_GATEWAY_MODEL_NAME: '*',
    MUSTER_GATEWAY_PREDICTOR_HOST: `127.0.0.1:${grpcPort}`,
    MUSTER_GATEWAY_PREDICTOR_PROTOCOL: 'grpc-v2',
    MUSTER_GATEWAY_HTTP_PORT: '0',
    MUSTER_GATEWAY_HOST: '127.0.0.1',
    MUSTER_GATEWAY_DRAIN_SECONDS: '0',
  });
  if (!settings) throw new Error(JSON.stringify(refusals));
  return openGateway(settings, { version: '0', log: textLog({ level: 'warn', now: () => 0, write: () => {} }) });
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  readonly text: string;
}

export async function post(
  port: number,
  path: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: body as string, headers });
  const bytes = Buffer.from(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, bytes, text: String(bytes) };
}

/** The events of a stream; what is not `data:` is left out. */
export const eventsOf = (text: string): Record<string, unknown>[] =>
  text
    .split('\n\n')
    .filter((each) => each.startsWith('data: '))
    .map((each) => JSON.parse(each.slice('data: '.length)));
