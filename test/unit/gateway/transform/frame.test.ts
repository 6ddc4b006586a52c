/** What stands around tokens, and what is cut; test/gateway/tokenizers.test.ts compares whole rows with Python's library. */
import { describe, expect, test } from 'vitest';
import { addedBy, cutTo, framed, framesOf } from '../../../../src/gateway/transform/builtin/frame.ts';

const A = [11, 12];
const B = [21];
const TEMPLATE = {
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: '[CLS]', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [
    { Sequence: { id: 'B', type_id: 1 } },
    { SpecialToken: { id: '[CLS]', type_id: 7 } },
    { Sequence: { id: 'A', type_id: 0 } },
  ],
  special_tokens: { '[CLS]': { id: '[CLS]', ids: [2, 3] } },
};

describe('around one text and around two', () => {
  test.each([
    { what: 'nothing', processor: null, single: [11, 12], pair: [11, 12, 21], types: [0, 0, 1] },
    { what: 'ByteLevel', processor: { type: 'ByteLevel' }, single: [11, 12], pair: [11, 12, 21], types: [0, 0, 1] },
    {
      what: 'BertProcessing',
      processor: { type: 'BertProcessing', cls: ['C', 1], sep: ['S', 2] },
      single: [1, 11, 12, 2],
      pair: [1, 11, 12, 2, 21, 2],
      types: [0, 0, 0, 0, 1, 1],
    },
    {
      what: 'RobertaProcessing',
      processor: { type: 'RobertaProcessing', cls: ['C', 1], sep: ['S', 2] },
      single: [1, 11, 12, 2],
      pair: [1, 11, 12, 2, 2, 21, 2],
      types: [0, 0, 0, 0, 0, 0, 0],
    },
    {
      what: 'a template, whose tokens may be several ids',
      processor: TEMPLATE,
      single: [2, 3, 11, 12],
      pair: [21, 2, 3, 11, 12],
      types: [1, 7, 7, 0, 0],
    },
    {
      what: 'a sequence of which one adds tokens',
      processor: { type: 'Sequence', processors: [{ type: 'ByteLevel' }, TEMPLATE] },
      single: [2, 3, 11, 12],
      pair: [21, 2, 3, 11, 12],
      types: [1, 7, 7, 0, 0],
    },
  ])('$what', ({ processor, single, pair, types }) => {
    const frames = framesOf(processor);
    expect(framed(frames.single, { A, B: [] }).ids).toEqual(single);
    expect(framed(frames.pair, { A, B })).toEqual({ ids: pair, types });
    expect(addedBy(frames.pair)).toBe(pair.length - 3);
  });

  test.each([
    { processor: { type: 'Odd' }, says: /its post_processor is Odd, which is not known/ },
    { processor: { type: 'Sequence', processors: [TEMPLATE, TEMPLATE] }, says: /a sequence of 2 that add tokens/ },
  ])('$says', ({ processor, says }) => {
    expect(() => framesOf(processor)).toThrow(says);
  });
});

describe('room for both', () => {
  test.each([
    { room: 10, lengths: [4, 6], how: 'longest_first', kept: [4, 6] },
    { room: 9, lengths: [4, 6], how: 'longest_first', kept: [4, 5] },
    { room: 9, lengths: [6, 4], how: 'longest_first', kept: [5, 4] },
    { room: 7, lengths: [40, 60], how: 'longest_first', kept: [3, 4] },
    { room: 7, lengths: [60, 40], how: 'longest_first', kept: [4, 3] },
    { room: 7, lengths: [10, undefined], how: 'longest_first', kept: [7, 0] },
    { room: 7, lengths: [10, undefined], how: 'only_first', kept: [7, 0] },
    { room: 7, lengths: [6, 4], how: 'only_first', kept: [3, 4] },
    { room: 7, lengths: [4, 6], how: 'only_second', kept: [4, 3] },
    { room: 7, lengths: [4, undefined], how: 'only_second', kept: [4, 0] },
  ] as const)('$lengths in $room, $how', ({ room, lengths, how, kept }) => {
    expect(cutTo(room, lengths, how, 0)).toEqual(kept);
  });

  test.each([
    {
      lengths: [3, 6],
      how: 'only_first',
      says: 'text 5 is 3 tokens too long, and what --truncation only_first cuts has 3',
    },
    {
      lengths: [7, undefined],
      how: 'only_second',
      says: 'text 5 is too long and alone, and --truncation only_second cuts the second of two',
    },
  ] as const)('$says', ({ lengths, how, says }) => {
    expect(() => cutTo(6, lengths, how, 5)).toThrow(says);
  });
});
