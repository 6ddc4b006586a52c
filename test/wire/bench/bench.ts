/** `muster bench protocols` in this process, with its own World. */
import { run } from '../../../src/main.ts';

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/**
 * In this process; the ways have threads of their own all the same.
 *
 * @param onSay gets each line, and a way to send a signal
 * @param listens gets that too, as soon as there is one
 */
export async function bench(
  argv: readonly string[],
  onSay: (line: string, signal: () => void) => void = () => {},
  listens: (signal: () => void) => void = () => {},
): Promise<Ran> {
  const said = { out: '', err: '' };
  let handler: ((signal: NodeJS.Signals) => void) | undefined;
  const status = await run({
    argv: ['bench', 'protocols', ...argv],
    env: {},
    cwd: '/',
    home: '/',
    version: '0',
    pid: 0,
    again: [],
    now: () => performance.now(),
    epochMs: 0,
    stdout: (text) => {
      said.out += text;
    },
    stderr: (text) => {
      said.err += text;
      onSay(text, () => handler?.('SIGINT'));
    },
    onSignal: (given) => {
      handler = given;
      listens(() => given('SIGINT'));
      return () => {};
    },
  });
  return { status, ...said };
}
