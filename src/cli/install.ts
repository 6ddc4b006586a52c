/** `muster install DIR`: this muster, with its Node, as one folder that any image of glibc 2.28 or later can run from. */
import { resolve } from 'node:path';
import { EXIT, type ExitStatus, MusterError } from '../errors.ts';
import { install } from '../install/install.ts';
import { megabytes } from '../install/layout.ts';
import type { World } from '../world.ts';

export async function installCommand(world: World, argv: readonly string[]): Promise<ExitStatus> {
  const [dir, ...rest] = argv;
  if (!dir || rest.length > 0 || dir.startsWith('-')) {
    throw new MusterError({
      code: 'USAGE',
      message: argv.length === 0 ? 'muster install was given no directory' : `"${argv.join(' ')}" is no one directory`,
      hint: 'Write: muster install DIR.',
    });
  }
  const { mark, written, bytes, hasTini } = await install({
    dir: resolve(world.cwd, dir),
    home: world.home,
    self: world.again[0] ?? '',
    version: world.version,
    node: process.versions.node,
  });
  if (!hasTini) {
    world.stderr(
      'muster: no static tini was found to install: as PID 1 muster will use the image’s own, or reap nothing.\n',
    );
  }
  const place = resolve(world.cwd, dir);
  world.stdout(
    written
      ? `${place}/muster: muster ${mark.version} with Node ${mark.node}, ${megabytes(bytes)} MB, in ${(world.now() / 1000).toFixed(2)} s\n`
      : `${place}/muster: muster ${mark.version} is there already\n`,
  );
  return EXIT.ok;
}
