/** Ray's own token: the user's where there is one, else one of this generation. */
import { hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Env } from '../../args/settings.ts';

/**
 * Members derive it from the group's token and a seed the head sends, so that no secret crosses the wire; a group
 * without a token (loopback, or MUSTER_INSECURE) has only the seed.
 *
 * @returns 32 bytes, hex
 */
export const rayToken = (groupToken: string | undefined, seed: string): string =>
  Buffer.from(hkdfSync('sha256', groupToken ?? '', seed, 'muster: token of Ray', 32)).toString('hex');

/** What the user set, in the places and the order Ray looks; '' when RAY_AUTH_MODE says there is none. */
export function userToken(env: Env): string | undefined {
  if (env.RAY_AUTH_TOKEN) return env.RAY_AUTH_TOKEN;
  if (env.RAY_AUTH_TOKEN_PATH) return read(env.RAY_AUTH_TOKEN_PATH) ?? '';
  if (env.RAY_AUTH_MODE === 'token') return read(join(env.HOME ?? homedir(), '.ray', 'auth_token')) ?? '';
  return env.RAY_AUTH_MODE ? '' : undefined;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
