/**
 * Takeover by `exec`: this process becomes the server. Same PID, same working directory, same stdio; nothing of muster
 * stays behind.
 *
 * What the server inherits, measured (facts/node.md, 2.b): no descriptor of ours (all are close-on-exec), an empty
 * signal mask, default handlers, blocking stdio, and a soft RLIMIT_NOFILE that Node raised to the hard one. Output that
 * Node still buffers is lost, so write with `writeSync` before. Children of ours become the server's.
 */
import { MusterError } from '../errors.ts';
import { makeStdioBlocking } from './blocking-stdio.ts';
import type { Command } from './command.ts';
import { defaultSignals } from './default-signals.ts';
import { preflight } from './preflight.ts';
import { FORWARDED, signalNumber } from './signals.ts';
import { takeTrappedSignals } from './trapped-signals.ts';

/** Those that ask to stop. The others are news for a server that does not run yet. */
const ENDS: readonly number[] = (['SIGTERM', 'SIGINT', 'SIGQUIT'] as const).map(signalNumber);

/**
 * Becomes `command`; only failures come back.
 *
 * argv[1…] arrives byte for byte. argv[0] becomes the path of the program when it goes through env(1), which is the
 * normal way: env offers no other name before coreutils 9.5. Scripts never see their argv[0] anyway, and a binary that
 * acts on its name still finds the last part of it. Without such an env, argv[0] stays as the user wrote it.
 *
 * @param warn  called with one line for each thing the server will find other than promised
 * @throws MusterError  the preflight's refusal (126, 127); 78 if this Node has no execve (before 22.15)
 */
export const replace = (command: Command, how: { warn: (message: string) => void }): never =>
  prepareToReplace(command, how)();

/**
 * Does all of it but the leap, which takes milliseconds: a signal that Node catches in them is heard in the next turn of
 * its loop, so who listens to signals takes one before the leap. The leap then listens no more: from there on a signal does
 * to us what it would do to a program that has just started.
 *
 * @returns the leap
 */
export function prepareToReplace(command: Command, { warn }: { warn: (message: string) => void }): () => never {
  if (typeof process.execve !== 'function') {
    throw new MusterError({
      code: 'CONFIG_INVALID',
      message: `takeover by exec needs Node 22.15 or later; this is Node ${process.versions.node}`,
      hint: 'Use --takeover=supervise, or the Node that muster ships with.',
    });
  }
  const ready = preflight(command);
  if (!ready.ok) throw new MusterError(ready.refusal);
  const [name, ...args] = command.argv;

  const prefix = defaultSignals(ready.file);
  if (!prefix) warn(`${name} starts with SIGPIPE and SIGXFSZ ignored: no env(1) here can reset them (coreutils 8.31)`);
  for (const fd of makeStdioBlocking()) warn(`descriptor ${fd} is still non-blocking: ${name} may see EAGAIN on it`);

  const execve = process.execve.bind(process);
  return () => {
    for (const signal of FORWARDED) process.removeAllListeners(signal);
    // Caught before that, and too late to end in order: end by it, as the server would.
    const trapped = takeTrappedSignals().find((number) => ENDS.includes(number));
    if (trapped !== undefined) process.kill(process.pid, trapped);
    return prefix
      ? execve(prefix[0], [...prefix, ready.file, ...args], command.env)
      : execve(ready.file, [name, ...args], command.env);
  };
}
