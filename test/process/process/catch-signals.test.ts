import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { FORWARDED } from '../../../src/process/signals.ts';
import { fixture, inTime } from './programs.ts';

test('Node can listen to every signal we forward, and survives it', async () => {
  const node = spawn(process.execPath, [fixture('catch-signals.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void node.kill('SIGKILL'));
  const lines = createInterface({ input: node.stdout })[Symbol.asyncIterator]();
  const line = async () => (await inTime(lines.next(), 'a line')).value;
  expect(await line()).toBe('ready');
  for (const name of FORWARDED) {
    node.kill(name);
    expect(await line()).toBe(name);
  }
});
