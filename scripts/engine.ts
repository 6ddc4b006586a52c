/**
 * `npm run engine [-- stop | IMAGES…]`: prepares a machine for the container tests. A Docker engine that answers, and the
 * images, made here because there may be no registry to pull from. What is there and current is left as it is.
 */

import { reasonOf } from '../src/errors.ts';
import { endEngine, engine } from './engine/daemon.ts';
import { lackRoot, makeImages } from './engine/images.ts';
import { alone } from './engine/lock.ts';
import { IMAGES, type ImageName } from './engine/names.ts';

export { IMAGES, type ImageName, LABEL } from './engine/names.ts';

/** An engine answers, or `skip` says why there is none: tests show it as the reason for not running. */
export async function ensureEngine(): Promise<{ readonly skip?: string }> {
  const why = await alone(engine).catch(reasonOf);
  if (why !== undefined) return { skip: why };
  return lackRoot() ? { skip: 'the images stand on one that root makes: run `sudo npm run engine` once' } : {};
}

/**
 * `wanted` and what they stand on, made from what this checkout holds now. Needs an engine.
 * @throws Error with the step that failed and its last words
 */
export const ensureImages = (wanted: readonly ImageName[]): Promise<void> => alone(async () => makeImages(wanted));

if (import.meta.main) {
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => name !== 'stop' && !(name in IMAGES));
  if (unknown.length > 0) {
    process.stderr.write(
      `engine: "${unknown.join(' ')}" is neither stop nor an image: ${Object.keys(IMAGES).join(', ')}\n`,
    );
    process.exitCode = 64;
  } else if (asked.includes('stop')) {
    process.stderr.write((await endEngine()) ? 'engine: ended\n' : 'engine: none was started here\n');
  } else {
    const { skip } = await ensureEngine();
    if (skip) {
      process.stderr.write(`engine: ${skip}\n`);
      process.exitCode = 69;
    } else await ensureImages(asked.length > 0 ? (asked as ImageName[]) : (Object.keys(IMAGES) as ImageName[]));
  }
}
