/** What is at the model's path: enough to refuse early and to compare members, without reading weights. */
import { hash } from 'node:crypto';
import { opendirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelDirectory } from '../plan/facts.ts';

/** A model's config.json is some KiB; a larger one is not hashed. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

export function lookAtModel(path: string): ModelDirectory {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) return { state: 'missing' };
    if (!stat.isDirectory()) return { state: 'not-a-directory' };
    const directory = opendirSync(path);
    const first = directory.readSync();
    directory.closeSync();
    return first ? { state: 'filled', fingerprint: fingerprint(join(path, 'config.json')) } : { state: 'empty' };
  } catch {
    return { state: 'unreadable' };
  }
}

/** Undefined for a config.json that is missing, too large, or not ours to read: the server will say so. */
function fingerprint(config: string): string | undefined {
  try {
    const stat = statSync(config);
    return stat.isFile() && stat.size <= MAX_CONFIG_BYTES ? hash('sha256', readFileSync(config)) : undefined;
  } catch {
    return undefined;
  }
}
