/**
 * Node keeps compiled code in a folder that is named after its version, its flags and the *user id*: what root warmed is
 * not found by 65532. What lies in it does not depend on the user, so the others get a link.
 */
import { readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/** root, the first user of a machine, distroless' nonroot, Debian's nobody. Any other compiles anew: up to 10 ms of CPU. */
const USERS = [0, 1000, 65532, 65534];

/** @param directory what was given to `enableCompileCache`; without a cache in it nothing happens */
export function shareCompileCache(directory: string): void {
  const entries = readIfThere(directory);
  const taken = new Set(entries.map(({ name }) => name));
  for (const warm of entries.filter((each) => each.isDirectory()).map(({ name }) => name)) {
    for (const name of USERS.map((user) => warm.replace(/\d+$/, String(user))).filter((each) => !taken.has(each))) {
      symlinkSync(warm, join(directory, name));
      taken.add(name);
    }
  }
}

const readIfThere = (directory: string) => {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
};
