/** Reads the file that `--model_warmup` names. */
import { readFileSync } from 'node:fs';
import { MusterError } from '../../errors.ts';
import { readWarmUp, type WarmUpDefaults, type WarmUpRequest } from './read.ts';

/** @throws MusterError WARM_UP_INVALID with every complaint, when the file cannot be read or is not what it should be */
export function openWarmUp(file: string | undefined, defaults: WarmUpDefaults): readonly WarmUpRequest[] {
  if (file === undefined) return [];
  const { requests, refusals } = readWarmUp(textOf(file), file, defaults);
  const [first, ...more] = refusals;
  if (first) throw new MusterError([first, ...more]);
  return requests;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new MusterError({
      code: 'WARM_UP_INVALID',
      message: `--model_warmup ${file} cannot be read: ${(error as Error).message}`,
      hint: 'Name a file with one request a line, and see that it is mounted.',
    });
  }
}
