/**
 * Parts over HTTP: lines of JSON, and behind a line with `binary_data_size` that many bytes. The first line says what comes,
 * the last one how many parts there were: who misses it, misses something.
 */
import type { InferResponse } from '../protocol/infer.ts';
import type { Reply } from '../protocol/reply.ts';
import { parametersText, type Wants } from '../protocol/v2.ts';
import { jsonOf } from '../tensor/to-json.ts';
import { type Part, partsOf } from './parts.ts';

/** Only lines; or lines and bytes. */
const LINES = 'application/x-ndjson';
const PARTS = 'application/vnd.muster.parts';

/** Its parts are made when they are written. */
export function partsReply(response: InferResponse, wants: Wants, chunkBytes: number): Reply {
  const binary = ({ name }: { readonly name: string }) => wants.byName.get(name) ?? wants.binary;
  const type = response.outputs.some(binary) ? PARTS : LINES;
  return { status: 200, type, parts: [], rest: linesOf(response, binary, chunkBytes) };
}

function* linesOf(
  response: InferResponse,
  binary: (output: { readonly name: string }) => boolean,
  chunkBytes: number,
): Generator<string | Uint8Array> {
  yield headOf(response);
  let parts = 0;
  for (const part of partsOf(response, chunkBytes)) {
    parts += 1;
    yield lineOf(part, binary(part.output));
    if (binary(part.output)) yield part.data;
  }
  yield `{"parts":${parts}}\n`;
}

function headOf({ model, version, id, parameters, outputs }: InferResponse): string {
  const head = Object.entries({ model_name: model, model_version: version || undefined, id: id || undefined })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)},`)
    .join('');
  const described = outputs.map(
    ({ name, datatype, shape, parameters: own, data }) =>
      `{${parametersText(own)}"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape}],"bytes":${data.length}}`,
  );
  return `{${head}${parametersText(parameters)}"outputs":[${described.join(',')}]}\n`;
}

function lineOf({ output, offset, count, data }: Part, asBytes: boolean): string {
  const { name, datatype } = output;
  const values = asBytes
    ? `"binary_data_size":${data.length}`
    : `"data":${jsonOf({ name, datatype, shape: [count], data })}`;
  return `{"output":${JSON.stringify(name)},"offset":${offset},"count":${count},${values}}\n`;
}
