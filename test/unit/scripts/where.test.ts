import { SourceMap } from 'node:module';
import { transformSync } from 'esbuild';
import { expect, test } from 'vitest';
import { placed } from '../../../scripts/where.ts';

const source = '\n\nexport function broken(): never {\n  throw new Error("here");\n}\n';
const { code, map } = transformSync(source, {
  loader: 'ts',
  minify: true,
  sourcemap: 'external',
  sourcefile: '../src/broken.ts',
});

test('a frame of the bundle is followed by its place in src, any other text stays', () => {
  const column = code.indexOf('throw') + 1;
  const report = `Error: here\n    at o (file:///shared/lib-1/dist/chunk-a.js:1:${column})\n    at node:internal:1:2\n    at x (chunk-b.js:1:1)`;
  const mapOf = (file: string) => (file === 'chunk-a.js' ? new SourceMap(JSON.parse(map)) : undefined);
  expect(placed(report, mapOf)).toBe(report.replace(`:1:${column}`, `:1:${column} ← src/broken.ts:4:3`));
});
