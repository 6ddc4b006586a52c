/**
 * Signals: which ones a supervisor passes on, and what a death by one is worth as an exit status.
 *
 * Left out of `FORWARDED`, each for a reason:
 * - SIGKILL, SIGSTOP: nobody can catch them.
 * - SIGCHLD: news about our own children, not for them.
 * - SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT: raised by a fault of this very process; a listener would
 *   hide the crash, or loop on the faulting instruction for ever (tini leaves the same ones alone).
 * - SIGPIPE, SIGXFSZ: answers to a write of ours, and Node ignores them.
 * - SIGPROF: V8's CPU profiler owns it.
 * - SIGTTIN, SIGTTOU: the terminal's answer to a background read or write of ours (tini leaves these alone too).
 * - SIGSTKFLT, SIGUNUSED: the kernel never sends them.
 * - Real-time signals (34-64): Node has no names for them, so it can neither listen nor send them by name.
 */
import { constants } from 'node:os';
import { EXIT, type ExitStatus } from '../errors.ts';

/** Every signal that somebody may mean for the server. Forward each to the server's whole process group. */
export const FORWARDED = [
  'SIGTERM', // stop: Kubernetes, docker stop
  'SIGINT', // Ctrl-C
  'SIGHUP', // terminal closed; reload
  'SIGQUIT', // STOPSIGNAL of nginx-like images
  'SIGUSR1', // Slurm's warning shot; Node also starts its inspector unless run with --disable-sigusr1
  'SIGUSR2',
  'SIGWINCH', // terminal resized
  'SIGCONT',
  'SIGTSTP', // Ctrl-Z; the kernel drops its default action in a session without a terminal
  'SIGALRM',
  'SIGVTALRM',
  'SIGXCPU', // grid schedulers' soft time limit
  'SIGIO',
  'SIGURG',
  'SIGPWR', // LXC's request to stop
] as const satisfies readonly NodeJS.Signals[];

/** The kernel's number for `name` on this machine, e.g. 15 for SIGTERM. */
export const signalNumber = (name: NodeJS.Signals): number => constants.signals[name];

/**
 * The status a shell would give, 0-255 (rule: tini, `reap_zombies`; POSIX shell, 2.8.2).
 *
 * Takes the two arguments of Node's `exit` event, of which exactly one is set. A limit of Node: death by a real-time
 * signal (34-64) arrives as code 0, because libuv's signal has no name there. An exit that nobody asked for is a
 * failure whatever its status, so no caller may read 0 as "it meant to stop".
 *
 * @returns `code`, or 128 + n for signal n; 70 (bug) if both are missing, which Node promises never to do
 */
export function statusOf(code: number | null, signal: NodeJS.Signals | null): ExitStatus {
  if (signal !== null) return 128 + signalNumber(signal);
  return code === null ? EXIT.bug : code & 0xff;
}
