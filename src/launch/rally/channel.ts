/** A member's way to the head in grpc-js, which has defaults for other people's networks. */
import { type ChannelCredentials, Client, credentials } from '@grpc/grpc-js';
import { type Dial, dialOptions, type Tls } from '../../wire/tls.ts';
import { LIMIT, TIME } from './limits.ts';
import { hostPort } from './words.ts';

/**
 * A channel with its own connection: shared ones stay stuck behind a port that never spoke HTTP/2 (grpc-node#2785).
 *
 * @param address an IP address of the head, as the name resolved just now
 * @param head what the user called it; the server sees it as :authority
 */
export function newChannel(
  address: string,
  { host, port }: { readonly host: string; readonly port: number },
  tls: Tls | undefined,
): Client {
  const dial = tls && dialOptions(tls.identity(), tls.name ?? host);
  return new Client(`${address.includes(':') ? 'ipv6' : 'ipv4'}:${hostPort(address, port)}`, secured(dial), {
    ...(dial ? { 'grpc.ssl_target_name_override': dial.servername } : {}),
    'grpc.use_local_subchannel_pool': 1,
    'grpc.default_authority': hostPort(host, port),
    'grpc.max_receive_message_length': LIMIT.headMessageBytes,
    'grpc.keepalive_time_ms': TIME.keepaliveMs,
    'grpc.enable_http_proxy': 0, // http_proxy is for the model's download, not for the machine next door
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_retries': 0,
    'grpc.enable_channelz': 0,
  });
}

const secured = (dial: Dial | undefined): ChannelCredentials =>
  dial
    ? credentials.createFromSecureContext(dial.secureContext, { checkServerIdentity: dial.checkServerIdentity })
    : credentials.createInsecure();
