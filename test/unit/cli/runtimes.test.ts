import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RUNTIMES, SHIPPED } from '../plan/fixture.ts';
import { muster } from './fixture.ts';

test('lists every runtime with its engines, title and file', async () => {
  const { status, stdout } = await muster(['runtimes']);
  expect(status).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines.map((line) => line.split(' ')[0])).toEqual([...SHIPPED.keys()].sort());
  expect(lines.find((line) => line.startsWith('vllm '))).toMatch(
    /^vllm +ray,native,none +vLLM's OpenAI server +.*vllm\.yaml$/,
  );
});

test('as JSON', async () => {
  const entries = JSON.parse((await muster(['runtimes', '--json'])).stdout);
  expect(entries.map(({ runtime }: { runtime: { name: string } }) => runtime.name)).toEqual([...SHIPPED.keys()].sort());
});

test('shows one as it was written', async () => {
  expect((await muster(['runtimes', 'show', 'demo'])).stdout).toBe(readFileSync(join(RUNTIMES, 'demo.yaml'), 'utf8'));
});

test.each([
  { argv: ['runtimes', 'show'], status: 64, says: 'no way to ask' },
  { argv: ['runtimes', 'list'], status: 64, says: '"list" is no way to ask' },
  { argv: ['runtimes', 'show', 'a', 'b'], status: 64, says: 'no way to ask' },
  { argv: ['runtimes', 'show', 'vlm'], status: 64, says: 'RUNTIME_UNKNOWN' },
  { argv: ['runtimes', 'show', '../package'], status: 64, says: 'RUNTIME_UNKNOWN' },
  { argv: ['runtimes', '--runtimes=/nowhere'], status: 78, says: 'runtime directory /nowhere cannot be read' },
  { argv: ['runtimes', '--bogus'], status: 64, says: '--bogus is not an option' },
])('$argv → $status', async ({ argv, status, says }) => {
  const answer = await muster(argv);
  expect(answer.status).toBe(status);
  expect(answer.stderr).toContain(says);
});
