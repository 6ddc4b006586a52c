/**
 * What a runtime file may say, checked once when it is loaded. zod costs 17 ms of a 23 ms start, so the files that ship
 * with muster are checked at build time and only files of the user are checked at run time.
 */
import * as z from 'zod';
import { PLACEHOLDERS, placeholdersIn, SERVER_ARGS } from './placeholders.ts';

export const READINGS = ['tensor', 'pipeline', 'data', 'model', 'modelName', 'host'] as const;

const port = z.int().min(1).max(65_535);
const spelling = z
  .string()
  .regex(/^(-{1,2}[A-Za-z]|<first>$)/, 'must start with - or --, or be <first>: the first argument when it is no flag');
const arg = z.string();
const group = z
  .strictObject({
    args: z.array(arg).min(1),
    unless: z
      .array(z.enum([...READINGS, 'port', 'grpcPort']))
      .optional()
      .describe('left out when the server args already say this'),
  })
  .describe('left out as a whole when a value in it is not known');
const template = z.array(z.union([arg, group])).min(1);

const listening = z.strictObject({ default: port, spellings: z.array(spelling).default([]) });

const probe = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('http'), path: z.string().startsWith('/') }),
  z.strictObject({ kind: z.literal('tcp') }),
  z.strictObject({ kind: z.literal('grpc-health'), service: z.string().default('') }),
  z.strictObject({ kind: z.literal('oip-v2') }),
  z.strictObject({ kind: z.literal('tfs') }),
]);

const smokeRequest = z.strictObject({
  method: z.enum(['GET', 'POST']).default('POST'),
  path: z.string().startsWith('/'),
  body: z.json().optional().describe('sent as JSON; "{model_name}" inside a string stands for the model name'),
});

const rayRecipe = z.strictObject({
  head: template,
  port: port.default(6379),
  startArgs: z.array(z.string()).default([]).describe('further arguments of `ray start`'),
});
const nativeRecipe = z.strictObject({ head: template, worker: template, port: port.default(29_500) });
const noneRecipe = z.strictObject({ head: template });

const variable = z.strictObject({
  env: z.string().regex(/^[A-Z_][A-Z0-9_]*$/),
  default: z.string().optional(),
  describe: z.string(),
});

export const runtimeSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'lower case letters, digits and - only'),
    title: z.string().min(1),
    homepage: z.string().optional(),
    model: z.enum(['required', 'optional', 'none']),
    engine: z.strictObject({ several: z.enum(['ray', 'native', 'none']), single: z.enum(['ray', 'native', 'none']) }),
    engines: z.strictObject({
      ray: rayRecipe.optional(),
      native: nativeRecipe.optional(),
      none: noneRecipe.optional(),
    }),
    devices: z.strictObject({ kind: z.enum(['gpu', 'cpu']), perMember: z.int().min(1).optional() }),
    reads: z.partialRecord(z.enum(READINGS), z.array(spelling)).default({}),
    ports: z.strictObject({ http: listening, grpc: listening.optional() }),
    variables: z.record(z.string().regex(/^[a-z_]+$/), variable).default({}),
    health: probe,
    smoke: z.array(smokeRequest).default([]),
    env: z.record(z.string(), z.string()).default({}),
    graceSeconds: z.number().min(0).max(3600).default(30),
    readyTimeoutSeconds: z.number().min(1).max(86_400).default(1800),
  })
  .superRefine((runtime, context) => {
    for (const [role, engine] of Object.entries(runtime.engine)) {
      if (!runtime.engines[engine]) {
        context.addIssue({ code: 'custom', path: ['engine', role], message: `engines.${engine} is not described` });
      }
    }
    for (const [path, each] of templatesOf(runtime)) {
      const unknown = unknownPlaceholder(each, runtime.variables);
      if (unknown) context.addIssue({ code: 'custom', path, message: `{${unknown}} is not a placeholder or variable` });
      if (each.filter((item) => item === SERVER_ARGS).length !== 1)
        context.addIssue({ code: 'custom', path, message: `"${SERVER_ARGS}" must stand in it by itself, once` });
    }
    for (const name of Object.keys(runtime.variables).filter(isPlaceholder)) {
      context.addIssue({
        code: 'custom',
        path: ['variables', name],
        message: `{${name}} means something else already`,
      });
    }
    for (const [path, text] of pathsAskedOf(runtime)) {
      const unknown = placeholdersIn(text).find((name) => name !== 'model_name');
      if (unknown)
        context.addIssue({ code: 'custom', path, message: `{${unknown}} is not known here, {model_name} is` });
    }
  });

export type Runtime = z.infer<typeof runtimeSchema>;
export type Template = z.infer<typeof template>;
export type ProbeSpec = z.infer<typeof probe>;
export type SmokeRequest = z.infer<typeof smokeRequest>;
export type Reading = (typeof READINGS)[number];
export type EngineName = 'ray' | 'native' | 'none';

function templatesOf(runtime: { engines: Runtime['engines'] }): [string[], Template][] {
  return Object.entries(runtime.engines).flatMap(([engine, recipe]) =>
    Object.entries(recipe ?? {})
      .filter(([role]) => role === 'head' || role === 'worker')
      .map(([role, items]): [string[], Template] => [['engines', engine, role], items as Template]),
  );
}

function unknownPlaceholder(items: Template, variables: Readonly<Record<string, unknown>>): string | undefined {
  return items
    .flatMap((item) => (item === SERVER_ARGS ? [] : typeof item === 'string' ? [item] : item.args))
    .flatMap(placeholdersIn)
    .find((name) => !isPlaceholder(name) && !Object.hasOwn(variables, name));
}

const isPlaceholder = (name: string): boolean => Object.hasOwn(PLACEHOLDERS, name);

const pathsAskedOf = ({ health, smoke }: Pick<Runtime, 'health' | 'smoke'>): [(string | number)[], string][] => [
  ...(health.kind === 'http' ? [[['health', 'path'], health.path] satisfies [string[], string]] : []),
  ...smoke.map(({ path }, at): [(string | number)[], string] => [['smoke', at, 'path'], path]),
];

/** The JSON schema that editors use for `runtimes/*.yaml`; published as `runtimes/schema.json`. */
export const runtimeJsonSchema = (): unknown => z.toJSONSchema(runtimeSchema, { io: 'input' });
