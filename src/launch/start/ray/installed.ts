/**
 * Where is `ray`, and which version? Read from the files pip left, for starting Python to ask takes 0.3 s.
 */
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { MusterError } from '../../../errors.ts';
import { findProgram } from '../../../process/find-program.ts';

export interface InstalledRay {
  /** Absolute path of the `ray` command. */
  readonly command: string;
  /** e.g. `2.58.0`; undefined: it could not be told without running it. */
  readonly version: string | undefined;
}

/**
 * @param path the PATH of the program to come; relative entries are skipped
 * @throws MusterError NOT_FOUND when no directory of `path` has a `ray`, NOT_EXECUTABLE when one may not be run
 */
export function findRay(path: string): InstalledRay {
  const dirs = path.split(delimiter).filter(isAbsolute);
  const found = findProgram('ray', dirs.join(delimiter));
  if (!found.ok) throw found.exists ? new MusterError(found.refusal) : rayMissing(path);
  const version = sitePackages(found.file, dirs).map(versionIn).find(Boolean);
  return { command: found.file, version };
}

const rayMissing = (path: string): MusterError =>
  new MusterError({
    code: 'NOT_FOUND',
    message: `there is no \`ray\` on PATH (${path || 'empty'})`,
    hint: "KServe's stock huggingfaceserver image has had none since 0.18: use --engine native, or an image with ray.",
  });

const INTERPRETER = /^#!.*?(\/\S*python[\d.]*)/;
/** What pip writes when the path is too long for a shebang or has a space: `#!/bin/sh`, then `'''exec' "/…/python" …`. */
const LONG_INTERPRETER = /^#!\/bin\/sh\s+'''exec' "?(\/.*?\/python[\d.]*)"?\s/;

/** Directories that may hold Ray's metadata, likeliest first: of the script's interpreter, of the script, of the distro. */
export function sitePackages(command: string, path: readonly string[]): string[] {
  const head = quietly(() => readFileSync(command, 'utf8').slice(0, 1024), '');
  const named = LONG_INTERPRETER.exec(head)?.[1] ?? INTERPRETER.exec(head)?.[1];
  const byEnv = /^#!\s*\/\S*env\s+(?:-S\s+)?(python[\d.]*)/.exec(head)?.[1];
  const onPath = byEnv === undefined ? undefined : findProgram(byEnv, path.join(delimiter));
  const interpreter = onPath?.ok ? onPath.file : named;
  const programs = [interpreter, interpreter && realpath(interpreter), command, realpath(command)];
  const prefixes = new Set(programs.filter((each) => each !== undefined).map((program) => dirname(dirname(program))));
  return [...prefixes].flatMap((prefix) =>
    ['lib', 'lib64', 'local/lib'].flatMap((lib) =>
      list(join(prefix, lib))
        .filter((name) => /^python3(\.\d+)?$/.test(name))
        .flatMap((name) => ['site-packages', 'dist-packages'].map((kind) => join(prefix, lib, name, kind))),
    ),
  );
}

/** The version in `ray-*.dist-info/METADATA`, the file importlib.metadata reads. */
function versionIn(site: string): string | undefined {
  const info = list(site).find((name) => /^ray-\d[^-]*\.dist-info$/.test(name));
  if (info === undefined) return undefined;
  const metadata = quietly(() => readFileSync(join(site, info, 'METADATA'), 'utf8'), '');
  return /^Version: *(\S+)/m.exec(metadata)?.[1];
}

const quietly = <T>(look: () => T, otherwise: T): T => {
  try {
    return look();
  } catch {
    return otherwise;
  }
};
const list = (path: string): string[] => quietly(() => readdirSync(path).sort().reverse(), []);
const realpath = (path: string): string => quietly(() => realpathSync(path), path);
