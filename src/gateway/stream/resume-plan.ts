/** How a stream that broke off goes on where its caller allows it. Pure. */
import { refuse } from '../failure.ts';
import type { InferRequest, InferResponse, ModelMetadata } from '../protocol/infer.ts';
import { tensorOf } from '../protocol/nested.ts';

/** What the caller says of the model: `skip`, or `parameter=NAME`. */
export const RESUME_HEADER = 'x-muster-resume';
/** The last event that a client has that comes back (the HTML standard's word for it). */
const LAST_HEADER = 'last-event-id';

/**
 * `skip`: the model answers the same once more, and what was sent already is left out. `parameter`: it goes on behind the
 * index that it is told there, which is an input or a parameter of the request.
 */
export type ResumeHow = { readonly kind: 'skip' } | { readonly kind: 'parameter'; readonly name: string };

export interface ResumePlan {
  readonly how: ResumeHow;
  /** The last index that the client has; -1: none. */
  readonly after: number;
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** @returns undefined when the caller does not ask for it · @throws Failure 400 */
export function readResume(headers: Headers): ResumePlan | undefined {
  const text = headers[RESUME_HEADER];
  if (text === undefined) return undefined;
  const [, name] = /^parameter=([\w.-]{1,200})$/.exec(String(text)) ?? [];
  if (text !== 'skip' && name === undefined)
    throw refuse(`${RESUME_HEADER} is "${String(text).slice(0, 40)}", not skip or parameter=NAME`);
  const last = headers[LAST_HEADER] ?? '';
  if (!/^\d{0,15}$/.test(String(last)))
    throw refuse(`Last-Event-ID is "${String(last).slice(0, 40)}", not the id of an event of this stream`);
  return {
    how: name === undefined ? { kind: 'skip' } : { kind: 'parameter', name },
    after: last === '' ? -1 : Number(last),
  };
}

/** The request that is answered behind `last`, -1 being the whole. */
export function requestAfter(
  request: InferRequest,
  { inputs: known }: Pick<ModelMetadata, 'inputs'>,
  { how, last }: { readonly how: ResumeHow; readonly last: number },
): InferRequest {
  if (how.kind === 'skip' || last < 0) return request;
  const input = known.find(({ name }) => name === how.name);
  if (!input) return { ...request, parameters: { ...request.parameters, [how.name]: last } };
  const inputs = request.inputs.filter(({ name }) => name !== how.name);
  return { ...request, inputs: [...inputs, tensorOf(input, last, 'front')] };
}

/** An answer and its place in the stream, from 0. */
export interface Numbered {
  readonly index: number;
  readonly answer: InferResponse;
}

/** Of answers that begin at `from` those that come behind `last`. */
export const behind = (answers: readonly InferResponse[], from: number, last: number): readonly Numbered[] =>
  answers.map((answer, at) => ({ index: from + at, answer })).filter(({ index }) => index > last);
