/** A whole answer over HTTP, as a value. */
import type { Failure } from '../failure.ts';

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** One after the other; written without being joined. */
  readonly parts: readonly (string | Uint8Array)[];
  /** In place of `parts`: made one after the other as the client takes them, for an answer that would not fit at once. */
  readonly rest?: Iterable<string | Uint8Array>;
}

export const jsonReply = (status: number, body: unknown): Reply => ({
  status,
  type: 'application/json',
  parts: [JSON.stringify(body)],
});

/** `{"error": "…"}`: the shape that Triton and KServe both give. */
export const errorReply = ({ status, message, retryAfter }: Failure): Reply => ({
  ...jsonReply(status, { error: message }),
  ...(retryAfter === undefined ? {} : { headers: { 'retry-after': String(retryAfter) } }),
});
