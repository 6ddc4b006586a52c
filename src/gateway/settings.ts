/** argv and env → checked settings, or every complaint at once. Pure. Precedence: default < env < flag. */
import type { Refusal } from '../errors.ts';
import type { Address } from '../wire/address.ts';
import { checkRedis } from './cache/check-redis.ts';
import { GATEWAY_OPTIONS, type GatewayOption, type GatewayValues } from './options.ts';
import { type ChosenTransform, chooseTransforms } from './transform/choose.ts';

export interface GatewaySettings extends GatewayValues {
  /** predictor_host with its port. */
  readonly predictor: Address;
  /** What stands before the predictor, in the order in which a request meets it. */
  readonly transforms: readonly ChosenTransform[];
}

export interface Resolved {
  readonly settings: GatewaySettings | undefined;
  /** Options that were given and have no effect here. */
  readonly notes: readonly string[];
  readonly refusals: readonly Refusal[];
}

const TABLE: Readonly<Record<string, GatewayOption>> = GATEWAY_OPTIONS;
const HINT = 'See `muster gateway --help`.';
const usage = (message: string, hint = HINT): Refusal => ({ code: 'USAGE', message, hint });

type Env = Readonly<Record<string, string | undefined>>;

export function resolveGateway(argv: readonly string[], env: Env): Resolved {
  const { given, refusals, notes } = readFlags(argv);
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(TABLE)) {
    const variable = `MUSTER_GATEWAY_${name.toUpperCase()}`;
    const flag = given.get(name);
    const text = flag ?? env[variable];
    if (option.kind === 'ignored') {
      if (text !== undefined) notes.push(`--${name} has no effect: ${option.describe}`);
      continue;
    }
    const checked = text === undefined ? { value: defaultOf(option) } : check(option, text);
    if ('value' in checked) values[name] = checked.value;
    else if (flag !== undefined) refusals.push(usage(`--${name} ${checked.wrong}`, `${option.describe}. ${HINT}`));
    else
      refusals.push({ code: 'CONFIG_INVALID', message: `${variable} ${checked.wrong}`, hint: `${option.describe}.` });
  }
  const settings = values as unknown as GatewayValues;
  const predictor = predictorOf(settings);
  if ('code' in predictor) refusals.push(predictor);
  // Only of values that are what they should be.
  const chosen = refusals.length === 0 ? chooseTransforms(settings) : { transforms: [], refusals: [] };
  refusals.push(...chosen.refusals, ...checkRedis(settings.cache_redis, given.has('cache_redis')));
  return {
    settings:
      refusals.length > 0 || 'code' in predictor
        ? undefined
        : { ...settings, predictor, transforms: chosen.transforms },
    notes,
    refusals,
  };
}

const defaultOf = (option: GatewayOption): unknown => ('default' in option ? option.default : undefined);

/** `--name value`, `--name=value`, and a switch alone. */
function readFlags(argv: readonly string[]) {
  const given = new Map<string, string>();
  const notes: string[] = [];
  const refusals: Refusal[] = [];
  for (let at = 0; at < argv.length; at += 1) {
    const [, typed = '', , inline] = /^--([\w-]+)(=([\s\S]*))?$/.exec(argv[at] ?? '') ?? [];
    const name = typed.replaceAll('-', '_');
    const option = Object.hasOwn(TABLE, name) ? TABLE[name] : undefined;
    if (!option) {
      refusals.push(usage(`"${(argv[at] ?? '').slice(0, 80)}" is no option of muster gateway`));
      continue;
    }
    const next = argv[at + 1];
    const follows = next !== undefined && !next.startsWith('--');
    const alone = option.kind === 'switch' ? 'true' : undefined;
    const value = inline ?? (follows ? next : alone);
    if (inline === undefined && follows) at += 1;
    if (value === undefined && option.kind !== 'ignored') refusals.push(usage(`--${name} needs a value`));
    else {
      if (given.has(name)) notes.push(`--${name} is given twice: the last one counts, as in KServe`);
      given.set(name, value ?? '');
    }
  }
  return { given, refusals, notes };
}

type Checked = { readonly value: unknown } | { readonly wrong: string };

function check(option: Exclude<GatewayOption, { kind: 'ignored' }>, text: string): Checked {
  switch (option.kind) {
    case 'text':
      return text === '' ? { wrong: 'is set but empty' } : { value: text };
    case 'list':
      return {
        value: text
          .split(',')
          .map((each) => each.trim())
          .filter((each) => each !== ''),
      };
    case 'choice':
      return option.choices.includes(text)
        ? { value: text }
        : { wrong: `is "${text}", not one of ${option.choices.join(', ')}` };
    case 'switch':
      return checkSwitch(text);
    default:
      return checkNumber(option.kind, text, option);
  }
}

function checkNumber(kind: string, text: string, { min, max }: { min: number; max: number }): Checked {
  const shape = kind === 'seconds' ? /^\d+(\.\d+)?$/ : /^\d+$/;
  const value = Number(text);
  if (shape.test(text) && value >= min && value <= max) return { value };
  const what = { seconds: 'a number of seconds', bytes: 'a whole number of bytes' }[kind] ?? 'a whole number';
  return { wrong: `is "${text}", not ${what} from ${min} to ${max}` };
}

function checkSwitch(text: string): Checked {
  if (/^(1|true|yes|y|on|t)$/i.test(text)) return { value: true };
  if (/^(0|false|no|n|off|f)$/i.test(text)) return { value: false };
  return { wrong: `is "${text}", not true or false` };
}

function predictorOf({ predictor_host: text, predictor_use_ssl: tls }: GatewayValues): Address | Refusal {
  const hint = 'Write --predictor_host host:port, for example --predictor_host resnet-predictor.default:9000.';
  if (text === undefined) return { code: 'USAGE', message: '--predictor_host is missing', hint };
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]+))(?::(\d{1,5}))?$/.exec(text);
  const port = Number(parts?.[3] ?? (tls ? 443 : 80));
  if (!parts || port < 1 || port > 65_535)
    return { code: 'USAGE', message: `--predictor_host is "${text}", not host or host:port (IPv6: [::1]:9000)`, hint };
  return { host: parts[1] ?? parts[2] ?? '', port };
}
