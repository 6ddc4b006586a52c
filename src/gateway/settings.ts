/** argv and env → checked settings, or every complaint at once. Pure. Precedence: default < env < flag. */
import type { Refusal } from '../errors.ts';
import type { Address } from '../wire/address.ts';
import { checkRedis } from './cache/check-redis.ts';
import { checkDoors, type Doors } from './door/check.ts';
import { checkOpenAi } from './openai/check.ts';
import { checkCollector } from './ops/check-collector.ts';
import { GATEWAY_OPTIONS, type GatewayOption, type GatewayValues } from './options.ts';
import type { TensorMetadata } from './protocol/infer.ts';
import { checkQueue } from './queue/check.ts';
import { type Chosen, type ChosenTransform, chooseTransforms } from './transform/choose.ts';
import { chooseOthers, noAddress, type Others, predictorAddress } from './upstream/choose-others.ts';
import { VARIANT_HEADER } from './upstream/variants.ts';

export interface GatewaySettings extends GatewayValues, Doors, Others {
  /** predictor_host with its port. */
  readonly predictor: Address;
  /** What stands before the predictor, in the order in which a request meets it. */
  readonly transforms: readonly ChosenTransform[];
  /** What the user says of the model, over what the predictor says. */
  readonly modelInputs: readonly TensorMetadata[] | undefined;
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
  notes.push(...withoutTls(settings));
  const predictor = predictorOf(settings);
  if ('code' in predictor) refusals.push(predictor);
  // Only of values that are what they should be.
  const sound = refusals.length === 0;
  const chosen = sound ? chooseTransforms(settings) : NO_TRANSFORMS;
  const { canary, shadow, ...others } = sound ? chooseOthers(settings) : NO_OTHERS;
  const doors = checkDoors(settings, (given.get('grpc_port') ?? env.MUSTER_GATEWAY_GRPC_PORT) !== undefined);
  refusals.push(
    ...chosen.refusals,
    ...blindTransforms(settings, chosen),
    ...(sound ? checkOpenAi(settings) : []),
    ...others.refusals,
    ...checkCollector(settings.otlp_endpoint),
    ...checkRedis(settings.cache_redis, given.has('cache_redis')),
    ...checkRedis(settings.queue_redis, given.has('queue_redis'), 'queue_redis'),
    ...(sound ? checkQueue(settings, (name) => given.has(name)) : []),
    ...doors.refusals,
  );
  return {
    settings:
      refusals.length > 0 || 'code' in predictor
        ? undefined
        : {
            ...forwarding(settings),
            grpc_port: doors.grpc_port,
            onePort: doors.onePort,
            predictor,
            canary,
            shadow,
            transforms: chosen.transforms,
            modelInputs: chosen.modelInputs,
          },
    notes,
    refusals,
  };
}

/** Who names a CA and forgets to ask for TLS sends everything in the clear. */
const withoutTls = (values: GatewayValues): readonly string[] =>
  (['predictor_ca_file', 'predictor_cert_file', 'predictor_key_file'] as const)
    .filter((name) => values[name] !== undefined && !values.predictor_use_ssl)
    .map(
      (name) => `--${name} has no effect: the predictor is spoken to without TLS unless --predictor_use_ssl is given`,
    );

/** Those that fill the model's inputs by their names and datatypes, which a V1 predictor does not tell. */
function blindTransforms(
  { predictor_protocol: protocol }: GatewayValues,
  { transforms, modelInputs }: Chosen,
): readonly Refusal[] {
  const blind = transforms.filter(({ name }) => name === 'tokenize' || name === 'image');
  if (protocol !== 'v1' || modelInputs) return [];
  return blind.map(({ name }) =>
    usage(
      `--transform ${name} needs to know the model's inputs, and --predictor_protocol v1 does not tell them`,
      'Write --model_inputs input_ids:INT64:-1x-1, --predictor_protocol grpc-v2, v2 or v1-tfs, or use a module of your own.',
    ),
  );
}

const NO_TRANSFORMS: Chosen = { transforms: [], modelInputs: undefined, refusals: [] };
const NO_OTHERS = { canary: undefined, shadow: undefined, refusals: [] };

/** A client's wish for a variant has to reach the choice. */
const forwarding = (values: GatewayValues): GatewayValues =>
  values.canary_host === undefined
    ? values
    : { ...values, forward_headers: [...values.forward_headers, VARIANT_HEADER] };

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
  return predictorAddress(text, tls) ?? noAddress('predictor_host', text);
}
