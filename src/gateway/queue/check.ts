import type { Refusal } from '../../errors.ts';
import { wrongHosts } from './callback-hosts.ts';

export interface QueueValues {
  readonly queue_redis: string | undefined;
  readonly queue_name: string;
  readonly queue_callback_hosts: readonly string[];
  readonly queue_callback_secret: string | undefined;
}

const MIN_SECRET_BYTES = 16;
const NAME = /^[\w.-]{1,64}$/;

/**
 * What is wrong with the options of the queue, if anything. No secret stands in a message.
 *
 * @param typed whether an option came as a flag, where every user of the machine can read it
 */
export function checkQueue(values: QueueValues, typed: (name: keyof QueueValues) => boolean): readonly Refusal[] {
  const { queue_redis: url, queue_name: name, queue_callback_hosts: hosts, queue_callback_secret: secret } = values;
  const wrong = wrongHosts(hosts);
  const short = secret !== undefined && Buffer.byteLength(secret) < MIN_SECRET_BYTES;
  const rules: readonly (readonly [boolean, Refusal])[] = [
    [
      !NAME.test(name),
      usage(
        `--queue_name "${name.slice(0, 80)}" is no name`,
        'Write 1 to 64 letters, digits, dots, dashes, underscores.',
      ),
    ],
    [
      wrong.length > 0,
      usage(
        `--queue_callback_hosts has "${wrong[0]?.slice(0, 80)}", which is no host`,
        'Write names (hooks.example.com, *.example.com) and networks (10.0.0.0/8).',
      ),
    ],
    [
      typed('queue_callback_secret'),
      usage(
        '--queue_callback_secret is a secret, which every user of this machine can read in a flag',
        'Set MUSTER_GATEWAY_QUEUE_CALLBACK_SECRET instead.',
      ),
    ],
    [
      short || (hosts.length > 0 && secret === undefined),
      {
        code: 'CONFIG_INVALID',
        message: short
          ? `MUSTER_GATEWAY_QUEUE_CALLBACK_SECRET has fewer than ${MIN_SECRET_BYTES} bytes`
          : '--queue_callback_hosts is set, and callbacks have nothing to be signed with',
        hint: 'Set MUSTER_GATEWAY_QUEUE_CALLBACK_SECRET to 16 random bytes or more, from a secret.',
      },
    ],
    [
      hosts.length > 0 && url === undefined,
      usage('--queue_callback_hosts is set, and there is no queue', 'Set --queue_redis too.'),
    ],
  ];
  return rules.filter(([broken]) => broken).map(([, refusal]) => refusal);
}

const usage = (message: string, hint: string): Refusal => ({ code: 'USAGE', message, hint });
