/** `muster local …`: a group as containers on this machine. What is typed is read here, each command has a file. */
import { type ExitStatus, MusterError } from '../errors.ts';
import { cutArgv } from '../launch/args/cut.ts';
import type { SettingsOf } from '../launch/args/options.ts';
import { parseFlags } from '../launch/args/parse-flags.ts';
import { resolveOptions } from '../launch/args/settings.ts';
import { LOCAL_OPTIONS, VERBS, type Verb } from '../local/options.ts';
import { lossyArgs } from '../process/lossy-args.ts';
import type { World } from '../world.ts';
import { refuseIfAny } from './prepare.ts';

export interface Asked<V extends Verb> {
  readonly settings: SettingsOf<(typeof LOCAL_OPTIONS)[V]>;
  /** Before `--`, behind the verb. */
  readonly words: readonly string[];
  /** Behind `--`; undefined: there is none. */
  readonly theirs: readonly string[] | undefined;
}

/** @param argv behind `local` */
export async function localCommand(world: World, argv: readonly string[]): Promise<ExitStatus> {
  const [verb, ...rest] = argv;
  switch (verb) {
    case 'up':
      return (await import('./local-up.ts')).upCommand(world, read(world, verb, rest));
    case 'render':
      return (await import('./local-up.ts')).renderCommand(world, read(world, verb, rest));
    case 'down':
      return (await import('./local-down.ts')).downCommand(world, read(world, verb, rest));
    case 'status':
      return (await import('./local-status.ts')).statusCommand(world, read(world, verb, rest));
    case 'logs':
      return (await import('./local-logs.ts')).logsCommand(world, read(world, verb, rest));
    case 'exec':
      return (await import('./local-exec.ts')).execCommand(world, read(world, verb, rest));
    case 'curl':
      return (await import('./local-curl.ts')).curlCommand(world, read(world, verb, rest));
    case 'kill':
    case 'freeze':
    case 'thaw':
    case 'partition':
    case 'heal':
    case 'restart':
      return (await import('./local-fault.ts')).faultCommand(world, verb, read(world, verb, rest));
    default:
      throw usage(
        verb === undefined ? 'muster local was given no command' : `"${verb}" is no command of muster local`,
        `Write one of: ${VERBS.join(', ')}; see \`muster local --help\`.`,
      );
  }
}

function read<V extends Verb>(world: World, verb: V, argv: readonly string[]): Asked<V> {
  const { ours, theirs } = cutArgv(argv);
  const options = LOCAL_OPTIONS[verb];
  const { flags, refusals } = parseFlags(ours, { options, help: `muster local ${verb} --help` });
  const { settings, refusals: wrong } = resolveOptions(options, flags, world.env);
  const lossy = lossyArgs(argv);
  refuseIfAny([...refusals, ...wrong, ...(lossy ? [lossy] : [])]);
  return { settings, words: flags.positionals, theirs };
}

export const usage = (message: string, hint: string): MusterError => new MusterError({ code: 'USAGE', message, hint });

/** Words that this command has no place for. @throws MusterError USAGE */
export function noWords(verb: Verb, words: readonly string[], most = 0): void {
  if (words.length <= most) return;
  throw usage(`"${words.slice(most).join(' ')}" is one word too many`, `See \`muster local ${verb} --help\`.`);
}
