import type { Refusal } from '../../errors.ts';

/**
 * What is wrong with the address of a Redis, if anything. Its value never stands in a message: it may hold a password.
 *
 * @param typed it came as a flag, where every user of the machine can read it
 * @param option its name
 */
export function checkRedis(url: string | undefined, typed: boolean, option = 'cache_redis'): readonly Refusal[] {
  const variable = `MUSTER_GATEWAY_${option.toUpperCase()}`;
  if (url === undefined) return [];
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !['redis:', 'rediss:'].includes(parsed.protocol) || parsed.hostname === '')
    return [
      {
        code: typed ? 'USAGE' : 'CONFIG_INVALID',
        message: `${typed ? `--${option}` : variable} is no address of a Redis`,
        hint: 'Write redis://host:6379/0, or rediss:// for TLS.',
      },
    ];
  if (!typed || parsed.password === '') return [];
  return [
    {
      code: 'USAGE',
      message: `--${option} holds a password, which every user of this machine can read`,
      hint: `Set ${variable} from a secret instead.`,
    },
  ];
}
