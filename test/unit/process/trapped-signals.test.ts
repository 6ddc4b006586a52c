import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const MODULE = join(import.meta.dirname, '../../../src/process/trapped-signals.ts');

/**
 * In a process of its own, for signals belong to the main thread. It ends by SIGKILL: libuv waits for ever to close a listener
 * whose signal was taken away.
 */
const told = (script: string): unknown => {
  const program = `import { writeSync } from 'node:fs';
    import { takeTrappedSignals } from ${JSON.stringify(MODULE)};
    process.on('SIGTERM', () => heard.push('SIGTERM')).on('SIGHUP', () => heard.push('SIGHUP'));
    const heard = [];
    ${script}
    process.kill(process.pid, 'SIGKILL');`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  return JSON.parse(stdout);
};

test('what was caught and not heard of is taken, in its order, once (fault 37)', () => {
  const taken = told(`
    process.kill(process.pid, 'SIGTERM');
    process.kill(process.pid, 'SIGHUP');
    process.removeAllListeners('SIGTERM').removeAllListeners('SIGHUP');
    writeSync(1, JSON.stringify([takeTrappedSignals(), takeTrappedSignals(), heard]));`);
  expect(taken).toEqual([[15, 1], [], []]);
});

test('what was heard of is not trapped', () => {
  const taken = told(`
    process.kill(process.pid, 'SIGTERM');
    while (heard.length === 0) await new Promise((resolve) => setImmediate(resolve));
    writeSync(1, JSON.stringify([takeTrappedSignals(), heard]));`);
  expect(taken).toEqual([[], ['SIGTERM']]);
});
