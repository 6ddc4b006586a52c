/** runtimes/transform.d.ts, which users get, and the examples written with it. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type * as Given from '../../../../runtimes/transform.d.ts';
import type * as Own from '../../../../src/gateway/transform/transform.ts';

const ROOT = join(import.meta.dirname, '../../../..');
const EXAMPLES = join(ROOT, 'docs/examples/transforms');

/** Each is the other: `npm run types` fails where they differ. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

test('users get the types that the gateway has', () => {
  const transform: Same<Required<Given.Transform>, Required<Own.Transform>> = true;
  const context: Same<Given.TransformContext, Own.TransformContext> = true;
  const explaining: Same<Given.ExplainContext, Own.ExplainContext> = true;
  expect([transform, context, explaining]).toEqual([true, true, true]);
});

const STRICT = ['--ignoreConfig', '--noEmit', '--strict', '--target', 'es2024', '--module', 'nodenext'];

/** What the compiler says of the files; '': nothing. */
function said(...argv: readonly string[]): string {
  try {
    return execFileSync(join(ROOT, 'node_modules/.bin/tsc'), [...STRICT, ...argv], { cwd: ROOT, encoding: 'utf8' });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

test('the types stand for themselves', () => {
  expect(said('--skipDefaultLibCheck', '--types', '', 'runtimes/transform.d.ts')).toBe('');
}, 300_000);

test('the examples are typed as they say', () => {
  const examples = readdirSync(EXAMPLES).filter((file) => file.endsWith('.mjs'));
  expect(examples.length).toBeGreaterThan(3);
  const script = ['--allowJs', '--checkJs', '--noUncheckedIndexedAccess', '--allowImportingTsExtensions'];
  const how = [...script, '--types', 'node', '--skipLibCheck'];
  expect(said(...how, ...examples.map((file) => join(EXAMPLES, file)))).toBe('');
  // It would say so.
  expect(said(...how, join(import.meta.dirname, 'ill-typed.mjs'))).toContain("'length' does not exist");
}, 300_000);
