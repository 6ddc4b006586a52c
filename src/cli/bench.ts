/** `muster bench protocols`: what each way to a predictor costs, for the user's own model. */
import { writeFileSync } from 'node:fs';
import { BENCH_OPTIONS } from '../bench/options.ts';
import { settle } from '../bench/settings.ts';
import { EXIT, type ExitStatus, MusterError, reasonOf } from '../errors.ts';
import { parseFlags } from '../launch/args/parse-flags.ts';
import { resolveOptions } from '../launch/args/settings.ts';
import { printable } from '../printable.ts';
import { signalNumber } from '../process/signals.ts';
import type { World } from '../world.ts';
import { refuseIfAny } from './prepare.ts';
import { untilStopped } from './until-stopped.ts';

const HELP = 'muster bench protocols --help';

export async function benchCommand(world: World, argv: readonly string[]): Promise<ExitStatus> {
  const [what, ...rest] = argv;
  if (what !== 'protocols') throw unknown(what);
  const { flags, refusals } = parseFlags(rest, { options: BENCH_OPTIONS.protocols, help: HELP });
  const { settings: typed, refusals: wrong } = resolveOptions(BENCH_OPTIONS.protocols, flags, world.env);
  const { settled, refusals: unsettled } = settle(typed);
  refuseIfAny([...refusals, ...wrong, ...flags.positionals.map(oneTooMany), ...unsettled]);
  if (!settled) throw new Error('settings that are not refused are settled');
  const stop = untilStopped(world);
  const say = (line: string) => world.stderr(`muster: bench: ${printable(line)}\n`);
  const around = { say, now: world.now, signal: stop.signal };
  try {
    if ('listen' in settled) {
      const { standIn } = await import('../bench/listen/stand-in.ts');
      world.stdout(await standIn(settled.listen, around));
    } else {
      const { protocols } = settled;
      if (protocols.svg !== undefined) writePlot(protocols.svg, '', 'a'); // before minutes are spent on it
      const { benchProtocols } = await import('../bench/protocols.ts');
      const { jsonText, tableText } = await import('../bench/table.ts');
      const report = await benchProtocols(protocols, around);
      if (protocols.svg !== undefined) writePlot(protocols.svg, (await import('../bench/svg.ts')).svgText(report));
      world.stdout(typed.json?.value ? jsonText(report) : tableText(report));
    }
    return EXIT.ok;
  } catch (error) {
    const by = stop.by();
    if (by === undefined) throw error;
    return 128 + signalNumber(by);
  } finally {
    stop.close();
  }
}

/** @param flag `a`: what is there stays */
function writePlot(file: string, text: string, flag: 'w' | 'a' = 'w'): void {
  try {
    writeFileSync(file, text, { flag });
  } catch (cause) {
    const message = `--svg ${file} cannot be written: ${reasonOf(cause)}`;
    throw new MusterError(
      { code: 'BENCH_PLOT', message, hint: 'Name a file in a directory that is there.' },
      { cause },
    );
  }
}

const usage = (message: string, hint: string) => ({ code: 'USAGE', message, hint }) as const;

const oneTooMany = (word: string) => usage(`"${word}" is one word too many`, `See \`${HELP}\`.`);

const unknown = (what: string | undefined): MusterError =>
  new MusterError(
    usage(
      what === undefined
        ? 'muster bench was not told what to measure'
        : `"${what}" is nothing that muster bench measures`,
      'Write `muster bench protocols`; see `muster bench --help`.',
    ),
  );
