/**
 * What a tokenizer puts around the tokens of a text, or of two: `[CLS] A [SEP] B [SEP]`; and how much of each text has room
 * beside it. Both as Hugging Face's `tokenizers` does it, whose npm library has the first for whole texts only. Pure.
 */
import { refuse } from '../../failure.ts';
import type { Truncation } from '../transform.ts';

type Json = Readonly<Record<string, unknown>>;

/** A token of its own, or all of one text. */
export type Piece =
  | { readonly ids: readonly number[]; readonly type: number }
  | { readonly text: 'A' | 'B'; readonly type: number };

export interface Frames {
  readonly single: readonly Piece[];
  readonly pair: readonly Piece[];
}

const text = (which: 'A' | 'B', type: number): Piece => ({ text: which, type });
const token = (id: number, type: number): Piece => ({ ids: [id], type });

const BARE: Frames = { single: [text('A', 0)], pair: [text('A', 0), text('B', 1)] };

/**
 * @param processor `post_processor` of tokenizer.json
 * @throws Error naming a kind that is not known
 */
export function framesOf(processor: Json | null | undefined): Frames {
  switch (processor?.type) {
    case undefined:
    case 'ByteLevel':
      return BARE;
    case 'TemplateProcessing':
      return templates(processor as unknown as Template);
    case 'BertProcessing': {
      const [cls, sep] = [idOf(processor.cls), idOf(processor.sep)];
      const single = [token(cls, 0), text('A', 0), token(sep, 0)];
      return { single, pair: [...single, text('B', 1), token(sep, 1)] };
    }
    case 'RobertaProcessing': {
      const [cls, sep] = [idOf(processor.cls), idOf(processor.sep)];
      const single = [token(cls, 0), text('A', 0), token(sep, 0)];
      return { single, pair: [...single, token(sep, 0), text('B', 0), token(sep, 0)] };
    }
    case 'Sequence': {
      const all = (processor.processors as readonly Json[]).filter(({ type }) => type !== 'ByteLevel');
      if (all.length > 1) throw new Error(`its post_processor is a sequence of ${all.length} that add tokens`);
      return framesOf(all[0]);
    }
    default:
      throw new Error(`its post_processor is ${String(processor?.type)}, which is not known`);
  }
}

const idOf = (named: unknown): number => (named as readonly [string, number])[1];

interface Template {
  readonly single: readonly TemplatePiece[];
  readonly pair: readonly TemplatePiece[];
  readonly special_tokens: Readonly<Record<string, { readonly ids: readonly number[] }>>;
}

type TemplatePiece =
  | { readonly SpecialToken: { readonly id: string; readonly type_id: number } }
  | { readonly Sequence: { readonly id: 'A' | 'B'; readonly type_id: number } };

function templates({ single, pair, special_tokens: known }: Template): Frames {
  const piece = (each: TemplatePiece): Piece =>
    'Sequence' in each
      ? text(each.Sequence.id, each.Sequence.type_id)
      : { ids: known[each.SpecialToken.id]?.ids ?? [], type: each.SpecialToken.type_id };
  return { single: single.map(piece), pair: pair.map(piece) };
}

/** Tokens that a frame adds. */
export const addedBy = (frame: readonly Piece[]): number =>
  frame.reduce((sum, each) => sum + ('ids' in each ? each.ids.length : 0), 0);

export type Tokens = readonly number[];

export interface Framed {
  readonly ids: number[];
  readonly types: number[];
}

/** All pieces one after the other. */
export function framed(frame: readonly Piece[], texts: { readonly A: Tokens; readonly B: Tokens }): Framed {
  const ids: number[] = [];
  const types: number[] = [];
  for (const piece of frame) {
    const own = 'ids' in piece ? piece.ids : texts[piece.text];
    for (const id of own) {
      ids.push(id);
      types.push(piece.type);
    }
  }
  return { ids, types };
}

/**
 * How many tokens of each text are kept, so that both fit into `room`.
 *
 * @param lengths of both texts; the second is undefined where there is one text
 * @throws Failure 400 where the one that may be cut cannot make the room
 */
export function cutTo(
  room: number,
  [first, second]: readonly [number, number | undefined],
  how: Truncation,
  row: number,
): readonly [number, number] {
  const over = first + (second ?? 0) - room;
  if (over <= 0) return [first, second ?? 0];
  if (how === 'longest_first') return second === undefined ? [first - over, 0] : longestFirst(room, first, second);
  if (how === 'only_second' && second === undefined)
    throw refuse(`text ${row} is too long and alone, and --truncation only_second cuts the second of two`);
  const target = how === 'only_first' ? first : (second ?? 0);
  if (target <= over)
    throw refuse(`text ${row} is ${over} tokens too long, and what --truncation ${how} cuts has ${target}`);
  return how === 'only_first' ? [first - over, second ?? 0] : [first, target - over];
}

/** The longer one is cut to what the shorter one leaves, at least to its length; then both to half of the room. */
function longestFirst(room: number, first: number, second: number): readonly [number, number] {
  const short = Math.min(first, second);
  const long = Math.max(short, room - short);
  const fits = short + long <= room;
  const [less, more] = fits ? [short, long] : [Math.floor(room / 2), Math.ceil(room / 2)];
  return first > second ? [more, less] : [less, more];
}
