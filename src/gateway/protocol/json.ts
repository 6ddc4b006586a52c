/** JSON bodies and the fields of them: what is not what it should be is refused by its name. */
import { Failure, refuse } from '../failure.ts';
import type { Parameter, Parameters } from '../tensor/tensor.ts';

export type Json = Readonly<Record<string, unknown>>;

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** @throws Failure 400 when `bytes` is no JSON object */
export function parseObject(bytes: Uint8Array): Json {
  return objectOf(parsed(decoded(bytes)));
}

/**
 * The same as it is written: 3 is a bigint and 3.0 a number, which tells whole numbers from others where no datatype does.
 *
 * @throws Failure 400
 */
export const parseAsWritten = (bytes: Uint8Array): Json => objectOf(parsed(decoded(bytes), asWritten));

/** The same with every whole number beyond 2^53 as bigint. Twice the time, so only for who needs it. */
export const parseExact = (bytes: Uint8Array): Json => JSON.parse(decoded(bytes), exactly) as Json;

/** TypeScript does not know its third argument yet (ECMAScript 2025, Node 22). */
type Reviver = (this: unknown, key: string, value: unknown) => unknown;

const exactly = ((_: string, value: unknown, { source }: { source?: string } = {}) =>
  typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && /^-?\d+$/.test(source)
    ? BigInt(source)
    : value) as Reviver;

const asWritten = ((_: string, value: unknown, { source }: { source?: string } = {}) =>
  typeof value === 'number' && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value) as Reviver;

function objectOf(value: unknown): Json {
  if (!isObject(value)) throw refuse('the body is JSON, but not an object');
  return value;
}

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Lists, objects and fields of one body. Each takes 80 to 150 bytes of memory and may be three of JSON: a body of
 * nothing else took 33 times its size. So many are 0.4 to 0.6 GB; of `[red, green, blue]` it is 80 images of 224 x 224.
 */
const MAX_NODES = 4_000_000;

/** A byte of a string that looks like one of them counts too: the bound is far from what is sent in earnest. */
function checkNodes(bytes: Uint8Array): void {
  if (bytes.length <= MAX_NODES) return;
  let nodes = 0;
  // By index and table: 1 ms a MB, where parsing it takes 10 to 25.
  for (let at = 0; at < bytes.length; at += 1) nodes += BEGINS_NODE[bytes[at] as number] as number;
  if (nodes <= MAX_NODES) return;
  const words = `the body has ${nodes} lists, objects and fields, over ${MAX_NODES}: send tensors flat, or as bytes`;
  throw new Failure(413, words);
}

const BEGINS_NODE = Uint8Array.from({ length: 256 }, (_, byte) => ('[{:'.includes(String.fromCharCode(byte)) ? 1 : 0));

function decoded(bytes: Uint8Array): string {
  if (bytes.length === 0) throw refuse('the body is empty, and should be a JSON object');
  checkNodes(bytes);
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    // A string of more than 512 MiB does not fit V8 either.
    const tooLong = bytes.length > 0x1fffffe8;
    throw new Failure(tooLong ? 413 : 400, tooLong ? 'JSON of more than 512 MiB' : 'the body is not UTF-8', { cause });
  }
}

function parsed(text: string, reviver?: Reviver): unknown {
  try {
    return JSON.parse(text, reviver);
  } catch (cause) {
    throw new Failure(400, `the body is no JSON: ${(cause as Error).message.slice(0, 200)}`, { cause });
  }
}

/** @throws Failure 400 when `field` is there and no string */
export function textField(object: Json, field: string, of: string): string {
  const value = object[field] ?? '';
  if (typeof value !== 'string') throw refuse(`${of}: "${field}" must be a string`);
  return value;
}

/** @throws Failure 400 when `field` is there and no list of objects */
export function listField(object: Json, field: string, of: string): readonly Json[] {
  const value = object[field] ?? [];
  if (!Array.isArray(value) || !value.every(isObject)) throw refuse(`${of}: "${field}" must be a list of objects`);
  return value;
}

/** @throws Failure 400 when "parameters" is there and is no object of scalars */
export function parametersOf(object: Json, of: string): Parameters {
  const value = object.parameters ?? {};
  if (!isObject(value)) throw refuse(`${of}: "parameters" must be an object`);
  for (const [name, each] of Object.entries(value)) {
    if (!['boolean', 'number', 'bigint', 'string'].includes(typeof each))
      throw refuse(`${of}: parameter "${name}" must be a boolean, a number or a string`);
    // Triton keeps these to itself over HTTP; over gRPC they would reach its insides.
    if (name.startsWith('triton_')) throw refuse(`${of}: parameter "${name}" is reserved`);
  }
  return value as Readonly<Record<string, Parameter>>;
}

/** `parameters` without some names. */
export function without(parameters: Parameters, ...names: readonly string[]): Parameters {
  if (!names.some((name) => Object.hasOwn(parameters, name))) return parameters;
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => !names.includes(name)));
}
