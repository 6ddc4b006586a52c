/** A stream whose first answers are there, or that ended before any: until then it could be asked for anew. */
import type { InferResponse } from '../protocol/infer.ts';

type Batch = readonly InferResponse[];

export interface Begun {
  readonly first: IteratorResult<Batch, unknown>;
  readonly rest: AsyncIterator<Batch, unknown>;
}

export async function begin(stream: AsyncIterable<Batch>): Promise<Begun> {
  const rest = stream[Symbol.asyncIterator]();
  return { first: await rest.next(), rest };
}

/** All of it, the first answers too; who leaves it, ends it. */
export async function* wholeOf({ first, rest }: Begun): AsyncGenerator<Batch, void, undefined> {
  try {
    for (let step = first; step.done !== true; step = await rest.next()) yield step.value;
  } finally {
    await rest.return?.();
  }
}
