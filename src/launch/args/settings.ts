/** Flags and env twins to checked settings, every complaint at once. Pure. */
import type { Refusal } from '../../errors.ts';
import { OPTIONS, type Option, type Settings, type SettingsOf, type Sourced } from './options.ts';
import type { Flags } from './parse-flags.ts';
import { isSecretName, MASK } from './secrets.ts';

export type Env = Readonly<Record<string, string | undefined>>;

type Checked = { readonly value: unknown } | { readonly wrong: string };

/** Precedence here: constant default < other people's env < MUSTER_… env < flag. Runtime and scheduler come in the plan. */
export function resolveSettings(flags: Flags, env: Env): { settings: Settings; refusals: readonly Refusal[] } {
  return resolveOptions(OPTIONS, flags, env);
}

/** The same for the options of another command. */
export function resolveOptions<T extends Readonly<Record<string, Option>>>(
  options: T,
  flags: Flags,
  env: Env,
): { settings: SettingsOf<T>; refusals: readonly Refusal[] } {
  const settings: Record<string, Sourced<unknown>> = {};
  const refusals: Refusal[] = [];
  for (const [name, option] of Object.entries(options)) {
    const raw = rawValue(name, option, flags, env);
    if (!raw) continue;
    const checked = 'constant' in raw ? { value: raw.constant } : check(option, raw.text);
    if ('value' in checked) settings[name] = { value: checked.value, origin: raw.origin };
    else refusals.push(refusalOf(option, raw.origin, checked.wrong));
  }
  return { settings: settings as SettingsOf<T>, refusals };
}

type Raw = { readonly origin: string } & (
  | { readonly text: string | readonly string[] }
  | { readonly constant: unknown }
);

function rawValue(name: string, option: Option, flags: Flags, env: Env): Raw | undefined {
  const flag = flags.values[name];
  if (typeof flag === 'boolean')
    return option.kind === 'switch' ? { constant: flag, origin: `flag --${name}` } : undefined;
  if (flag !== undefined) return { text: flag, origin: `flag --${name}` };
  const own = env[option.env];
  // Kubernetes sets NAME_PORT=tcp://… for each Service of the namespace: that speaks of the Service, not to us.
  if (own !== undefined && !(option.kind === 'integer' && own.startsWith('tcp://')))
    return { text: own, origin: `env ${option.env}` };
  const other = option.alsoEnv?.find((variable) => env[variable]);
  if (other !== undefined) return { text: env[other] ?? '', origin: `env ${other}` };
  const fallback = 'default' in option ? option.default : undefined;
  return fallback === undefined ? undefined : { constant: fallback, origin: 'default' };
}

function check(option: Option, text: string | readonly string[]): Checked {
  if (typeof text !== 'string') return { value: text };
  switch (option.kind) {
    case 'text':
      return text === '' ? { wrong: 'is set but empty' } : { value: text };
    case 'choice':
      return option.choices.includes(text)
        ? { value: text }
        : { wrong: `is "${text}", not one of ${option.choices.join(', ')}` };
    case 'switch':
      return checkSwitch(text);
    case 'list':
      return checkList(text);
    default:
      return checkNumber(option.kind, text, option);
  }
}

function checkNumber(kind: 'integer' | 'seconds', text: string, { min, max }: { min: number; max: number }): Checked {
  const shape = kind === 'integer' ? /^\d+$/ : /^\d+(\.\d+)?$/;
  const what = kind === 'integer' ? 'a whole number' : 'a number of seconds';
  const value = Number(text);
  return shape.test(text) && value >= min && value <= max
    ? { value }
    : { wrong: `is "${text}", not ${what} from ${min} to ${max}` };
}

function checkSwitch(text: string): Checked {
  if (/^(1|true|yes|on)$/i.test(text)) return { value: true };
  if (/^(0|false|no|off|)$/i.test(text)) return { value: false };
  return { wrong: `is "${text}", not 1 or 0` };
}

function checkList(text: string): Checked {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return { value };
  } catch {
    // Not JSON: the same complaint as JSON of another shape.
  }
  return {
    wrong: `is ${isSecretName(text) ? MASK : JSON.stringify(text)}, not a JSON array of strings such as ["--num-gpus=1"]`,
  };
}

const refusalOf = (option: Option, origin: string, wrong: string): Refusal => ({
  code: origin.startsWith('flag') ? 'USAGE' : 'CONFIG_INVALID',
  message: `${origin.replace(/^(flag|env) /, '')} ${wrong}`,
  hint: `${option.describe}.`,
});
