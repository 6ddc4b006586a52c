/** Which programs and Python packages are there, from the files pip left: starting Python to ask takes 0.3 s and more. */
import { delimiter, isAbsolute, join } from 'node:path';
import { MusterError } from '../../errors.ts';
import { findRay, sitePackages } from '../../launch/start/ray/installed.ts';
import { findProgram } from '../../process/find-program.ts';
import { namesAt } from './files.ts';

export interface ProgramFact {
  readonly name: string;
  /** Undefined: not found. */
  readonly file: string | undefined;
  /** Why there is none, and what to do. */
  readonly missing: { readonly message: string; readonly hint: string } | undefined;
}

export interface SoftwareFacts {
  /** The server's program; undefined: this member runs none, or no runtime was named. */
  readonly program: ProgramFact | undefined;
  readonly ray: ProgramFact & { readonly version: string | undefined };
  /** e.g. `{ vllm: '0.11.0', torch: '2.8.0' }`, of the interpreter that runs the server. */
  readonly packages: Readonly<Record<string, string>>;
}

/** What decides whether two members understand each other. */
const PACKAGES = [
  'vllm',
  'sglang',
  'huggingfaceserver',
  'kserve',
  'torch',
  'transformers',
  'tritonserver',
  'tensorrt_llm',
  'numpy',
  'nvidia_nccl_cu12',
];

export function lookAtSoftware(path: string, program: string | undefined): SoftwareFacts {
  const dirs = path.split(delimiter).filter(isAbsolute);
  const server = program === undefined ? undefined : find(program, dirs);
  const from = server?.file ?? find('python3', dirs).file;
  return { program: server, ray: ray(path), packages: from === undefined ? {} : packagesBeside(from, dirs) };
}

function find(name: string, dirs: readonly string[]): ProgramFact {
  const found = findProgram(name, dirs.join(delimiter));
  return found.ok ? { name, file: found.file, missing: undefined } : { name, file: undefined, missing: found.refusal };
}

function ray(path: string): SoftwareFacts['ray'] {
  try {
    const { command, version } = findRay(path);
    return { name: 'ray', file: command, version, missing: undefined };
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    return { name: 'ray', file: undefined, version: undefined, missing: { message: error.message, hint: error.hint } };
  }
}

function packagesBeside(program: string, dirs: readonly string[]): Record<string, string> {
  const sites = sitePackages(program, dirs);
  const found: Record<string, string> = {};
  for (const name of sites.flatMap((site) => namesAt('/', join(site)))) {
    const [, packageName = '', version = ''] = /^(.+)-(\d[^-]*)\.dist-info$/.exec(name) ?? [];
    const known = PACKAGES.find((each) => each === packageName.toLowerCase().replaceAll('-', '_'));
    // The first directory is the one that is imported from.
    if (known !== undefined) found[known] ??= version;
  }
  return found;
}
