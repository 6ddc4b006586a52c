/** What must never be shown: values of things that are named like secrets. Pure. */

const SECRET_NAME =
  /(api[-_]?key|token(?!izer|s(?![a-z]))|passw(or)?d|passphrase|secret|credential|private[-_]?key|authorization)/i;
export const MASK = '***';

/** A flag or variable name that announces a secret; `--tokenizer` and `--max-tokens` do not. */
export const isSecretName = (name: string): boolean => SECRET_NAME.test(name);

/**
 * `--api-key=x`, `--api-key x` and `--api-key x y` (vLLM takes several) with the values masked, and secrets inside of
 * JSON and URLs; every other arg as it is.
 */
export function maskArgs(args: readonly string[]): string[] {
  let announced = false;
  return args.map((arg, at) => {
    const direct = at > 0 && announces(args[at - 1] ?? '') && !arg.startsWith('--');
    if (isFlag(arg) && !direct) {
      announced = announces(arg);
      const flag = /^([^=]+)=/.exec(arg)?.[1];
      return flag !== undefined && isSecretName(flag) ? `${flag}=${MASK}` : maskInside(arg);
    }
    return direct || announced ? MASK : maskInside(arg);
  });
}

const isFlag = (arg: string): boolean => /^--?[A-Za-z_]/.test(arg);
/** Its value comes as the next argument. */
const announces = (arg: string): boolean => isFlag(arg) && !arg.includes('=') && isSecretName(arg);

/** Inside of one text: `--api-key=x` of a whole command line, JSON strings by their key, the password of a URL. */
export const maskInside = (text: string): string =>
  text
    .replace(/(?<![\w-])(-{0,2}\w[\w-]*=)\S+/g, (all, name: string) => (isSecretName(name) ? name + MASK : all))
    .replace(/(?<![\w-])(--?\w[\w-]*\s+)(?!-)\S+/g, (all, name: string) => (isSecretName(name) ? name + MASK : all))
    .replace(/("[^"\\]*"\s*:\s*)"(?:[^"\\]|\\.)*"/g, (all, key: string) =>
      isSecretName(key) ? `${key}"${MASK}"` : all,
    )
    .replace(/(:\/\/[^/@\s:]*):[^/@\s]*@/g, `$1:${MASK}@`);

export const maskEnv = (env: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [name, isSecretName(name) ? MASK : maskInside(value)]));
