/** What a hook is given, made from the model's metadata: `transform.ts` says what each part is for. */
import { refuse } from '../failure.ts';
import type { ModelMetadata } from '../protocol/infer.ts';
import { rawOfJson } from '../tensor/from-json.ts';
import { fromRaw } from '../tensor/numbers.ts';
import { bytesElements, checkedShape, isDatatype, joinBytes, type Tensor } from '../tensor/tensor.ts';
import { stringify } from '../tensor/to-json.ts';
import type { AskGateway } from './asks.ts';
import type { TransformContext } from './transform.ts';

const utf8 = new TextDecoder();

/** @throws Failure 400 where values do not fit, as for a request of a client */
function makeTensor(name: string, datatype: string, shape: readonly number[], values: readonly unknown[]): Tensor {
  if (!isDatatype(datatype)) throw refuse(`tensor "${name}": "${datatype}" is no datatype`);
  const checked = checkedShape(name, shape);
  const raw = values.every((each) => each instanceof Uint8Array);
  if (datatype === 'BYTES' && raw && values.length > 0)
    return { name, datatype, shape: checked, data: joinBytes(values as Uint8Array[]) };
  return { name, datatype, shape: checked, data: rawOfJson({ name, datatype, shape: checked }, values) };
}

function elements({ name, datatype, data }: Tensor): readonly Uint8Array[] {
  if (datatype !== 'BYTES') throw refuse(`tensor "${name}" is ${datatype}, and BYTES are wanted`);
  return bytesElements(data) ?? [];
}

function values(tensor: Tensor): readonly (number | bigint | boolean)[] {
  const { name, datatype, data } = tensor;
  if (datatype === 'BYTES') throw refuse(`tensor "${name}" is BYTES, and numbers are wanted`);
  if (datatype === 'BOOL') return Array.from(data, (each) => each !== 0);
  return Array.from(fromRaw(datatype, data) as ArrayLike<number>);
}

export const contextOf = (metadata: ModelMetadata, ask: AskGateway): TransformContext => ({
  metadata,
  tensor: makeTensor,
  values,
  texts: (tensor) => elements(tensor).map((each) => utf8.decode(each)),
  bytes: elements,
  cached: (key, seconds, make) => cached(ask, { key, seconds }, make),
});

const MAX_KEY = 1_024;
const MAX_SECONDS = 31_536_000;
/** The first byte of what is kept says what it is. */
const [JSON_KIND, BYTES_KIND] = [0, 1];

async function cached<T>(
  ask: AskGateway,
  { key, seconds }: { readonly key: string; readonly seconds: number },
  make: () => T | Promise<T>,
): Promise<T> {
  if (typeof key !== 'string' || key.length > MAX_KEY)
    throw new TypeError(`cached takes a text of at most ${MAX_KEY} characters as its key`);
  if (!(seconds > 0 && seconds <= MAX_SECONDS))
    throw new TypeError(`cached keeps for more than 0 and at most ${MAX_SECONDS} seconds, not ${seconds}`);
  const kept = await ask({ want: 'cached', key });
  if (kept instanceof Uint8Array) return unwrap(kept) as T;
  let bytes: Uint8Array | undefined;
  try {
    bytes = wrap(await make());
  } finally {
    await ask({ want: 'keep', key, bytes, ttlMs: seconds * 1000 });
  }
  // As the next one will get it.
  return unwrap(bytes) as T;
}

/** In a buffer of its own, for it crosses into another thread and is kept there. */
function wrap(value: unknown): Uint8Array {
  const text = value === undefined || value instanceof Uint8Array ? undefined : stringify(value);
  const body = value instanceof Uint8Array ? value : text === undefined ? undefined : Buffer.from(text);
  if (body === undefined) throw new TypeError('cached keeps JSON or a Uint8Array, and "make" gave neither');
  const bytes = new Uint8Array(1 + body.length);
  bytes[0] = value instanceof Uint8Array ? BYTES_KIND : JSON_KIND;
  bytes.set(body, 1);
  return bytes;
}

function unwrap(bytes: Uint8Array): unknown {
  if (bytes[0] === BYTES_KIND) return bytes.slice(1);
  return JSON.parse(utf8.decode(bytes.subarray(1)));
}
