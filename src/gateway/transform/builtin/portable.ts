/**
 * What the npm library of tokenizers does otherwise than the Rust one, put so that both agree. `test/gateway/tokenizers.test.ts`
 * compares them. Pure.
 */
type Json = Readonly<Record<string, unknown>>;

const WORD = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}`;

/** Words and signs; the library's own `Whitespace` knows letters of English only. */
const WHITESPACE = {
  type: 'Split',
  pattern: { Regex: String.raw`[${WORD}]+|[^${WORD}\p{White_Space}]+` },
  behavior: 'Removed',
  invert: true,
};

/** @param description of tokenizer.json */
export const portable = (description: Json): Json => ({
  ...description,
  pre_tokenizer: portablePart(description.pre_tokenizer as Json | null),
});

function portablePart(part: Json | null): Json | null {
  if (part?.type === 'Whitespace') return WHITESPACE;
  if (part?.type !== 'Sequence') return part;
  return { ...part, pretokenizers: (part.pretokenizers as readonly Json[]).map(portablePart) };
}
