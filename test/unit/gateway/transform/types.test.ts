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

test('the examples are typed as they say', () => {
  const examples = readdirSync(EXAMPLES).filter((file) => file.endsWith('.mjs'));
  expect(examples.length).toBeGreaterThan(3);
  const argv = '--ignoreConfig --noEmit --allowJs --checkJs --strict --noUncheckedIndexedAccess --skipLibCheck';
  const target = '--target es2024 --module nodenext --types node --allowImportingTsExtensions';
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  const check = (...files: readonly string[]) => {
    try {
      return execFileSync(tsc, [...`${argv} ${target}`.split(' '), ...files], { cwd: ROOT, encoding: 'utf8' });
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
  };
  expect(check(...examples.map((file) => join(EXAMPLES, file)))).toBe('');
  // It would say so.
  expect(check(join(import.meta.dirname, 'ill-typed.mjs'))).toContain("'length' does not exist");
}, 60_000);
