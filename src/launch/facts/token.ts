/** The group's shared token, from a file or the environment; never from argv, which every user of the machine can read. */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { type Refusal, reasonOf } from '../../errors.ts';
import type { Env } from '../args/settings.ts';
import type { Facts } from '../plan/facts.ts';

export interface ReadToken {
  readonly token: Facts['token'];
  readonly text: string | undefined;
  readonly refusals: readonly Refusal[];
}

/** The file wins over the variable. White space around the token (an editor's last newline) is not part of it. */
export function readToken(file: string | undefined, env: Env): ReadToken {
  if (file !== undefined) return fromFile(file);
  const text = env.MUSTER_TOKEN?.trim();
  if (env.MUSTER_TOKEN === undefined || text === undefined) return { token: undefined, text: undefined, refusals: [] };
  return { token: { origin: 'env MUSTER_TOKEN', bytes: Buffer.byteLength(text) }, text, refusals: [] };
}

function fromFile(file: string): ReadToken {
  try {
    const text = readFileSync(file, 'utf8').trim();
    const seen = { origin: `file ${file}`, bytes: Buffer.byteLength(text) };
    return { token: isOpenToAll(file) ? { ...seen, openToAll: true } : seen, text, refusals: [] };
  } catch (cause) {
    const refusal = {
      code: 'TOKEN_FILE_UNREADABLE',
      message: `the token file ${file} cannot be read: ${reasonOf(cause)}`,
      hint: 'Check the Secret mount, and that the user muster runs as may read it.',
    } as const;
    // There is one, as far as the plan can tell: that it cannot be read is the only complaint.
    return { token: { origin: `file ${file}`, bytes: Number.POSITIVE_INFINITY }, text: undefined, refusals: [refusal] };
  }
}

/** Others may read it or write to it. */
const OTHERS = 0o006;

/**
 * A Secret or a projected volume of Kubernetes is not meant: its files are 0644 unless somebody says otherwise, in a tmpfs
 * of the pod's own. It is known by the kubelet's way of writing it: the file is a link through `..data` to `..2026_11_21_…`.
 */
const isOpenToAll = (file: string): boolean =>
  (statSync(file).mode & OTHERS) !== 0 && !/\/\.\.\d{4}_/.test(realpathSync(file));
