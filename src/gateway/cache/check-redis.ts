import type { Refusal } from '../../errors.ts';

/**
 * What is wrong with `cache_redis`, if anything. Its value never stands in a message: it may hold a password.
 *
 * @param typed it came as a flag, where every user of the machine can read it
 */
export function checkRedis(url: string | undefined, typed: boolean): readonly Refusal[] {
  if (url === undefined) return [];
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !['redis:', 'rediss:'].includes(parsed.protocol) || parsed.hostname === '')
    return [
      {
        code: typed ? 'USAGE' : 'CONFIG_INVALID',
        message: `${typed ? '--cache_redis' : 'MUSTER_GATEWAY_CACHE_REDIS'} is no address of a Redis`,
        hint: 'Write redis://host:6379/0, or rediss:// for TLS.',
      },
    ];
  if (!typed || parsed.password === '') return [];
  return [
    {
      code: 'USAGE',
      message: '--cache_redis holds a password, which every user of this machine can read',
      hint: 'Set MUSTER_GATEWAY_CACHE_REDIS from a secret instead.',
    },
  ];
}
