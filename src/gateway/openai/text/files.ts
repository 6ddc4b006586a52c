/** Files of a model that lie beside its weights. */
import { readFileSync, statSync } from 'node:fs';
import { isObject, type Json } from '../../protocol/json.ts';

/** @throws Error naming the file and what is wrong with it */
export function readText(file: string, maxBytes: number): string {
  try {
    const { size } = statSync(file);
    if (size > maxBytes) throw new Error(`it has ${size} bytes, more than ${maxBytes}`);
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** @throws Error naming the file and what is wrong with it */
export function readJson(file: string, maxBytes: number): Json {
  const text = readText(file, maxBytes);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file} is no JSON: ${(cause as Error).message}`, { cause });
  }
  if (isObject(json)) return json;
  throw new Error(`${file} is JSON, but not an object`);
}
