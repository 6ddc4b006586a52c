/** Before the process tests: dist/ is what the sources say. A build that is current costs 0.1 s to know. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export function setup(): void {
  const run = join(import.meta.dirname, '../../../scripts/run.mjs');
  const { status } = spawnSync(process.execPath, [run, 'dist'], { stdio: 'inherit' });
  if (status !== 0) throw new Error('dist/ is stale and cannot be built: see above');
}
