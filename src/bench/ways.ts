/**
 * The four ways in which a tensor gets to a predictor, and what each is called. Two of them write every value by itself,
 * as text or in a list; the other two pass the bytes.
 */

export const WAYS = ['json', 'typed', 'binary', 'raw'] as const;
export type Way = (typeof WAYS)[number];
/** `through`: V2 JSON through somebody who stands before the predictor. */
export type Measured = Way | 'through';

export const WAY_NAMES: Readonly<Record<Measured, string>> = {
  json: 'REST, JSON',
  typed: 'gRPC, typed lists',
  binary: 'REST, binary',
  raw: 'gRPC, raw',
  through: 'through yours, JSON',
};

/** How to get from anywhere to the ways that pass bytes, in words for a user. */
export const TO_CHANGE =
  "To change a transformer of KServe's SDK: --predictor_protocol grpc-v2, and set_data_from_numpy(x, binary_data=True) for every input. " +
  '`muster gateway --predictor_protocol grpc-v2` sends raw bytes, whatever came in.';
