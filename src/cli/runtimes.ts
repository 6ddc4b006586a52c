/** `muster runtimes`: what can be launched, and how one of them is described. */
import { readFileSync } from 'node:fs';
import { EXIT, type ExitStatus } from '../errors.ts';
import { parseFlags } from '../launch/args/parse-flags.ts';
import { resolveSettings } from '../launch/args/settings.ts';
import { allRuntimes, type Entry, findRuntime } from '../launch/catalogue/catalogue.ts';
import type { World } from '../world.ts';
import { refuseIfAny, shelvesOf } from './prepare.ts';

export async function runtimesCommand(world: World, argv: readonly string[]): Promise<ExitStatus> {
  const { flags, refusals } = parseFlags(argv);
  const { settings, refusals: wrong } = resolveSettings(flags, world.env);
  const [verb, name, ...rest] = flags.positionals;
  const usage = verb === undefined || (verb === 'show' && name !== undefined && rest.length === 0);
  refuseIfAny([
    ...refusals,
    ...wrong,
    ...(usage
      ? []
      : [
          {
            code: 'USAGE',
            message: `"${flags.positionals.join(' ')}" is no way to ask`,
            hint: 'Write: muster runtimes, or: muster runtimes show NAME.',
          } as const,
        ]),
  ]);
  const shelves = shelvesOf(world, settings);
  if (name !== undefined) {
    const entry = await findRuntime(name, shelves);
    world.stdout(settings.json?.value ? `${JSON.stringify(entry, null, 2)}\n` : readFileSync(entry.file, 'utf8'));
    return EXIT.ok;
  }
  const entries = await allRuntimes(shelves);
  world.stdout(settings.json?.value ? `${JSON.stringify(entries, null, 2)}\n` : table(entries));
  return EXIT.ok;
}

function table(entries: readonly Entry[]): string {
  const rows = entries.map(
    ({ runtime, file }) => [runtime.name, Object.keys(runtime.engines).join(','), runtime.title, file] as const,
  );
  const wide = (at: 0 | 1 | 2) => Math.max(...rows.map((row) => row[at].length));
  const lines = rows.map(
    ([name, engines, title, file]) =>
      `${name.padEnd(wide(0))}  ${engines.padEnd(wide(1))}  ${title.padEnd(wide(2))}  ${file}`,
  );
  return `${lines.join('\n')}\n`;
}
