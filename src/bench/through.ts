/** Which way a gateway in use goes to its predictor. Only what it says of itself counts: timing is no proof. */
import { HttpClient } from '../gateway/upstream/rest/http-client.ts';
import type { Address } from '../wire/address.ts';
import { callFor, dialOf } from './exchange.ts';
import type { TlsFiles } from './settings.ts';
import type { InUse } from './verdict.ts';

const ASK_MS = 5_000;
const MAX_BYTES = 16 * 1024 * 1024;

export const addressOf = ({ protocol, hostname, port }: URL): Address => ({
  host: hostname.replace(/^\[|\]$/g, ''),
  port: Number(port) || (protocol === 'https:' ? 443 : 80),
});

/** @returns null when it does not tell */
export async function askInUse(url: URL, tls: TlsFiles | undefined, jsonOnly: boolean): Promise<InUse | null> {
  const address = addressOf(url);
  const client = new HttpClient({
    ...address,
    tls: dialOf({ address, tls }),
    maxReplyBytes: MAX_BYTES,
    maxSockets: 1,
  });
  try {
    const reply = await client.ask({ method: 'GET', path: '/metrics', call: callFor(ASK_MS), repeatable: true });
    return reply.status === 200 ? inUseOf(String(reply.body), jsonOnly) : null;
  } catch {
    return null; // many have no metrics there; whether it answers inferences is told by its row
  } finally {
    client.close();
  }
}

/**
 * What muster gateway says in its metrics. Pure.
 *
 * @param jsonOnly the predictor reads nothing but JSON over HTTP (MLServer)
 */
export function inUseOf(metrics: string, jsonOnly: boolean): InUse | null {
  const [, labels = ''] = /^muster_gateway_info\{([^}]*)\} 1$/m.exec(metrics) ?? [];
  const [, protocol] = /(?:^|,)predictor_protocol="([^"]*)"/.exec(labels) ?? [];
  const how = `a muster gateway with --predictor_protocol ${protocol}`;
  switch (protocol) {
    case 'grpc-v2':
      return { way: 'raw', how };
    case 'v2':
      return { way: jsonOnly ? 'json' : 'binary', how };
    case 'v1':
      return { way: 'json', how: `${how}: JSON rows` };
    default:
      return null;
  }
}
