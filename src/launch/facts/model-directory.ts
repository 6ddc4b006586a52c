/** What is at the model's path: enough to refuse early and to compare members, without reading weights. */
import { hash } from 'node:crypto';
import { opendirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, normalize, resolve, sep } from 'node:path';
import type { ModelDirectory } from '../plan/facts.ts';

/** A model's config.json is some KiB; a larger one is not hashed. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/**
 * @param root  what the path must not lead out of, links followed. Without one a path may lead anywhere but up from the
 *              working directory: a mount, and a hub's cache, are links all over (docs/decisions/0005-where-a-model-may-be.md)
 */
export function lookAtModel(path: string, root?: string): ModelDirectory {
  if (normalize(path).split(sep)[0] === '..')
    return { state: 'outside', at: resolve(path), of: 'the working directory' };
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) return { state: 'missing' };
    const astray = root === undefined ? undefined : [path, join(path, 'config.json')].map(real).find(isOutside(root));
    if (astray !== undefined) return { state: 'outside', at: astray, of: root ?? '' };
    if (!stat.isDirectory()) return { state: 'not-a-directory' };
    const directory = opendirSync(path);
    const first = directory.readSync();
    directory.closeSync();
    return first ? { state: 'filled', fingerprint: fingerprint(join(path, 'config.json')) } : { state: 'empty' };
  } catch {
    return { state: 'unreadable' };
  }
}

/** Undefined for what is not there: it leads nowhere. */
function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** A root that is not there holds nothing. */
const isOutside =
  (root: string) =>
  (path: string | undefined): boolean => {
    const top = real(root);
    if (path === undefined) return false;
    return top === undefined || (path !== top && !path.startsWith(top === sep ? sep : `${top}${sep}`));
  };

/** Undefined for a config.json that is missing, too large, or not ours to read: the server will say so. */
function fingerprint(config: string): string | undefined {
  try {
    const stat = statSync(config);
    return stat.isFile() && stat.size <= MAX_CONFIG_BYTES ? hash('sha256', readFileSync(config)) : undefined;
  } catch {
    return undefined;
  }
}
