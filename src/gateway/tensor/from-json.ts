/**
 * JSON values → raw bytes, once. What Triton takes in silence and cannot be meant is refused: a number that overflows to
 * infinity, 1.5 as an integer, 300 as UINT8. FP16 and BF16 are taken, though Triton wants them binary.
 */
import { refuse } from '../failure.ts';
import { rawOfNumbers } from './from-numbers.ts';
import { RANGES, toRaw, type WideType, wideToRaw } from './numbers.ts';
import { countOf, type Datatype } from './tensor.ts';

export interface JsonTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
}

/** False for what would become infinite: half a step above the largest value rounds up. */
const FINITE: Readonly<Partial<Record<Datatype, (value: number) => boolean>>> = {
  FP16: (value) => Math.abs(value) < 65_520,
  BF16: (value) => Math.abs(Math.fround(value)) < (2 - 2 ** -8) * 2 ** 127,
  FP32: (value) => Number.isFinite(Math.fround(value)),
  FP64: Number.isFinite,
};

/**
 * @param data nested or flat, row-major; or read from the bytes already: a Float64Array; numbers of 64 bits may be bigint, BYTES text or bytes
 * @param nulls `nan`: what most servers write for a NaN or an infinity of theirs, for JSON has neither
 * @throws Failure 400 naming the tensor, the first value that does not fit and what would
 */
export function rawOfJson(tensor: JsonTensor, data: unknown, nulls: 'refused' | 'nan' = 'refused'): Uint8Array {
  if (data instanceof Float64Array) return rawOfNumbers(tensor, data);
  const { name, datatype, shape } = tensor;
  if (!Array.isArray(data)) throw refuse(`tensor "${name}": data must be a list`);
  const values = flatten(data, countOf(shape));
  if (values.length !== countOf(shape))
    throw refuse(`tensor "${name}" has ${values.length} values, but its shape [${shape}] takes ${countOf(shape)}`);
  if (datatype === 'BYTES') return texts(tensor, values);
  if (datatype === 'BOOL') return Uint8Array.from(values, (each) => bit(tensor, each));
  if (datatype === 'INT64' || datatype === 'UINT64') return wide(tensor, datatype, values);
  const wanting = nulls === 'nan' && FINITE[datatype] !== undefined && values.includes(null);
  checkNumbers(tensor, wanting ? values.map((each) => each ?? 0) : values);
  return toRaw(datatype, (wanting ? values.map((each) => each ?? Number.NaN) : values) as number[]);
}

/** One level at a time, in order; a flat list is given back as it is. */
function flatten(data: readonly unknown[], count: number): readonly unknown[] {
  if (!data.some(Array.isArray)) return data;
  const values: unknown[] = [];
  // Who calls bounds the depth (`timed`); what a list cannot hold the count refuses.
  const walk = (list: readonly unknown[]) => {
    for (const each of list) {
      if (Array.isArray(each)) walk(each);
      else values.push(each);
      if (values.length > count) return;
    }
  };
  walk(data);
  return values;
}

function checkNumbers({ name, datatype }: JsonTensor, values: readonly unknown[]): void {
  const fits = FINITE[datatype] ?? wholeWithin(datatype);
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i];
    if (typeof value !== 'number' || !fits(value)) throw misfit(name, datatype, value, i);
  }
}

function wholeWithin(datatype: Datatype): (value: number) => boolean {
  const [low, high] = (RANGES[datatype] ?? [0n, 0n]).map(Number) as [number, number];
  return (value) => Number.isInteger(value) && value >= low && value <= high;
}

function wide({ name, datatype }: JsonTensor, type: WideType, values: readonly unknown[]): Uint8Array {
  const [low, high] = RANGES[type] as readonly [bigint, bigint];
  const all = values.map((value, i) => {
    const big = typeof value === 'bigint' || Number.isInteger(value) ? BigInt(value as number | bigint) : undefined;
    if (big === undefined || big < low || big > high) throw misfit(name, datatype, value, i);
    return big;
  });
  return wideToRaw(type, all);
}

function bit({ name, datatype }: JsonTensor, value: unknown): number {
  if (value === true || value === 1) return 1;
  if (value === false || value === 0) return 0;
  throw misfit(name, datatype, value, undefined);
}

/** As `joinBytes` of them, but without a buffer for each: a body may have many millions, and each took 350 bytes. */
function texts({ name, datatype }: JsonTensor, values: readonly unknown[]): Uint8Array {
  let size = 0;
  for (const each of values) {
    if (typeof each !== 'string' && !(each instanceof Uint8Array)) throw misfit(name, datatype, each, undefined);
    size += 4 + Buffer.byteLength(each);
  }
  const data = Buffer.allocUnsafe(size);
  let at = 0;
  for (const each of values as readonly (string | Uint8Array)[]) {
    const from = at + 4;
    if (typeof each !== 'string') data.set(each, from);
    const length = typeof each === 'string' ? data.write(each, from) : each.length;
    data.writeUInt32LE(length, at);
    at = from + length;
  }
  return data;
}

const misfit = (name: string, datatype: Datatype, value: unknown, at: number | undefined) =>
  refuse(`tensor "${name}": ${shown(value)}${at === undefined ? '' : ` at place ${at}`} is no ${datatype}`);

const shown = (value: unknown): string =>
  typeof value === 'bigint' || typeof value === 'number'
    ? String(value)
    : (JSON.stringify(value) ?? String(value)).slice(0, 40);
