/** GetModelStatus: which versions of a model there are, and what each is at. As a message and as TensorFlow Serving's JSON. */
import type { Json } from '../protocol/json.ts';
import { bytesOf, ProtoWriter, readFields, signed, textOf } from '../upstream/oip/wire-format.ts';
import { isVersion, type ModelSpec, writeModelSpec } from './model-spec.ts';
import type { Parts } from './tensor-proto.ts';

const STATES = { UNKNOWN: 0, START: 10, LOADING: 20, AVAILABLE: 30, UNLOADING: 40, END: 50 } as const;
export type State = keyof typeof STATES;

const STATE_OF = new Map(Object.entries(STATES).map(([state, no]) => [no as number, state as State]));
/** google.rpc.Code UNAVAILABLE, for a version that is not there and why. */
const NOT_THERE = { no: 14, name: 'UNAVAILABLE' };

export interface VersionStatus {
  readonly version: string;
  readonly state: State;
  /** Why it is not available; '' when it is. */
  readonly why: string;
}

export const encodeStatusAsk = (spec: ModelSpec): Parts =>
  new ProtoWriter().message(1, (to) => writeModelSpec(to, spec)).parts();

export function encodeStatus(versions: readonly VersionStatus[]): Parts {
  const to = new ProtoWriter();
  for (const { version, state, why } of versions)
    to.message(1, (each) => {
      each.int64(1, isVersion(version) ? BigInt(version) : 0).int64(2, STATES[state]);
      each.message(3, (status) => (why === '' ? undefined : status.int64(1, NOT_THERE.no).text(2, why)));
    });
  return to.parts();
}

export function decodeStatus(bytes: Uint8Array): readonly VersionStatus[] {
  const versions: VersionStatus[] = [];
  readFields(bytes, (no, value) => {
    if (no === 1) versions.push(readVersion(bytesOf(value)));
  });
  return versions;
}

function readVersion(bytes: Uint8Array): VersionStatus {
  const read = { version: '0', state: 'UNKNOWN' as State, why: '' };
  readFields(bytes, (no, value) => {
    if (no === 1) read.version = String(signed(value));
    else if (no === 2) read.state = STATE_OF.get(Number(value)) ?? 'UNKNOWN';
    else if (no === 3)
      readFields(bytesOf(value), (each, words) => {
        if (each === 2) read.why = textOf(words);
      });
  });
  return read;
}

/** `model_version_status` of `GET /v1/models/M`. */
export const statusJson = (versions: readonly VersionStatus[]): readonly Json[] =>
  versions.map(({ version, state, why }) => ({
    version,
    state,
    status: { error_code: why === '' ? 'OK' : NOT_THERE.name, error_message: why },
  }));
