/** Shows a page to the user, where there is somebody to see it. */
import { findProgram } from './find-program.ts';
import { start } from './spawn.ts';

/** Milliseconds for the program to hand the address over. */
const PATIENCE_MS = 5_000;

/** False: this machine has no program for it, or it failed. */
export async function openInBrowser(url: string, env: Readonly<Record<string, string | undefined>>): Promise<boolean> {
  const found = ['xdg-open', 'open'].map((name) => findProgram(name, env.PATH ?? '')).find(({ ok }) => ok);
  if (!found?.ok) return false;
  const own = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const child = await start({ argv: [found.file, url], env: Object.fromEntries(own) }, { stdio: 'capture' });
  const late = new Promise<number>((resolve) => setTimeout(resolve, PATIENCE_MS, 0).unref());
  return (await Promise.race([child.exited, late])) === 0;
}
