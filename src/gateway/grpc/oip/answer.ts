/** What is answered → messages of OIP. Pure. Raw bytes are parts of their own and are not copied. */
import type { InferResponse, ModelMetadata, ServerMetadata, TensorMetadata } from '../../protocol/infer.ts';
import { fromRaw, type NumberType } from '../../tensor/numbers.ts';
import { bytesElements, type Tensor } from '../../tensor/tensor.ts';
import { FIELD } from '../../upstream/oip/contents.ts';
import { writeParameters } from '../../upstream/oip/messages.ts';
import { ProtoWriter } from '../../upstream/oip/wire-format.ts';
import type { Parts } from '../exchange.ts';

/**
 * ModelInferResponse.
 *
 * @param typed as typed lists; raw all the same when an output has a datatype without one (FP16, BF16)
 */
export function inferResponse({ model, version, id, parameters, outputs }: InferResponse, typed: boolean): Parts {
  const to = new ProtoWriter().text(1, model).text(2, version).text(3, id);
  writeParameters(to, 4, parameters);
  const lists = typed && outputs.every(({ datatype }) => FIELD[datatype] !== undefined);
  for (const output of outputs)
    to.message(5, (each) => {
      each.text(1, output.name).text(2, output.datatype).packedInt64(3, output.shape);
      writeParameters(each, 4, output.parameters ?? {});
      if (lists) each.message(5, (contents) => writeContents(contents, output));
    });
  if (!lists) for (const { data } of outputs) to.bytes(6, data);
  return to.parts();
}

/** InferTensorContents. What is fixed in size is packed as it lies in memory. */
export function writeContents(to: ProtoWriter, tensor: Tensor): void {
  const no = FIELD[tensor.datatype] ?? 0;
  if (tensor.data.length === 0) return;
  if (tensor.datatype === 'BYTES') for (const each of bytesElements(tensor.data) ?? []) to.bytes(no, each);
  else if (tensor.datatype === 'FP32' || tensor.datatype === 'FP64') to.bytes(no, tensor.data);
  else if (tensor.datatype === 'BOOL')
    to.bytes(
      no,
      tensor.data.map((each) => (each === 0 ? 0 : 1)),
    );
  else
    to.message(no, (packed) => {
      for (const each of Array.from<number | bigint>(
        fromRaw(tensor.datatype as NumberType, tensor.data) as ArrayLike<number>,
      ))
        packed.varint(each);
    });
}

/** Triton's ModelStreamInferResponse around an answer. */
export const streamed = (response: Parts): Parts => {
  const length = response.reduce((sum, part) => sum + part.length, 0);
  return [
    ...new ProtoWriter()
      .varint(2 * 8 + 2)
      .varint(length)
      .parts(),
    ...response,
  ];
};

/** The same for what failed: whose request it was, and that nothing follows. */
export const streamedError = (message: string, request: Pick<InferResponse, 'model' | 'version' | 'id'>): Parts => {
  const parameters = { triton_final_response: true };
  const response = inferResponse({ ...request, parameters, outputs: [] }, false);
  return [...new ProtoWriter().text(1, message).parts(), ...streamed(response)];
};

/** ServerLive, ServerReady, ModelReady. */
export const yes = (value: boolean): Parts => (value ? new ProtoWriter().bool(1, true).parts() : []);

export function serverMetadata({ name, version, extensions }: ServerMetadata): Parts {
  const to = new ProtoWriter().text(1, name).text(2, version);
  for (const each of extensions) to.text(3, each);
  return to.parts();
}

export function modelMetadata({ name, versions, platform, inputs, outputs }: ModelMetadata): Parts {
  const to = new ProtoWriter().text(1, name);
  for (const each of versions) to.text(2, each);
  to.text(3, platform);
  const tensor = (no: number) => (each: TensorMetadata) =>
    to.message(no, (of) => of.text(1, each.name).text(2, each.datatype).packedInt64(3, each.shape));
  inputs.forEach(tensor(4));
  outputs.forEach(tensor(5));
  return to.parts();
}
