import { join, relative } from 'node:path';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const SRC = join(import.meta.dirname, '../../../src');

test('a probe process loads the wire and the GCS client, and no package', async () => {
  const { metafile } = await build({
    entryPoints: [join(SRC, 'launch/watch/probe-command.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
    metafile: true,
  });
  const loaded = Object.keys(metafile.inputs).map((path) => relative(SRC, path));
  const allowed =
    /^(errors\.ts|printable\.ts|wire\/[\w-]+\.ts|launch\/start\/ray\/gcs\.ts|launch\/watch\/probe-command\.ts)$/;
  expect(loaded.filter((path) => !allowed.test(path))).toEqual([]);
});
