"""The split model says what the whole model says, and no shard holds more than its part."""

from __future__ import annotations

import unittest

import numpy as np

import support  # noqa: F401 - puts the package on the path
from demo_server.decoder import SPOKEN, Decoder
from demo_server.group import LocalGroup
from demo_server.shape import Shape
from demo_server.shard import ATTEND, MAX_ROWS, MLP, Shard

SIZES = (1, 2, 4, 8)
SHAPE = Shape()


def decoder(size: int, shape: Shape = SHAPE) -> Decoder:
    return Decoder(shape, LocalGroup(shape, size, range(size)))


class SameTokens(unittest.TestCase):
    def test_every_size_says_the_same(self) -> None:
        for prompt in (b"a", b"Hello, muster", bytes(range(256)) + b"longer than several steps" * 4):
            said = {bytes(decoder(size).generate(prompt, 64)) for size in SIZES}
            self.assertEqual(len(said), 1, prompt)

    def test_a_second_answer_does_not_depend_on_the_first(self) -> None:
        used = decoder(2)
        list(used.generate(b"something long enough to fill the cache", 30))
        self.assertEqual(list(used.generate(b"hi", 20)), list(decoder(2).generate(b"hi", 20)))

    def test_a_prompt_in_one_step_equals_a_prompt_byte_by_byte(self) -> None:
        prompt, one = b"x" * (MAX_ROWS - 1), decoder(2)
        whole = one.logits(one.prefill(prompt))
        rows = [one.forward(prompt[i : i + 1], i) for i in range(len(prompt))]
        np.testing.assert_allclose(one.logits(rows[-1])[list(SPOKEN)], whole[list(SPOKEN)], rtol=0, atol=1e-9)

    def test_answers_are_printable_varied_and_follow_prompt_and_seed(self) -> None:
        said = bytes(decoder(1).generate(b"a", 64))
        self.assertLessEqual(set(said), set(SPOKEN))
        self.assertGreater(len(set(said)), 16)
        self.assertNotEqual(said, bytes(decoder(1).generate(b"b", 64)))
        self.assertNotEqual(said, bytes(decoder(1, Shape(seed=1)).generate(b"a", 64)))

    def test_a_whole_context_can_be_filled(self) -> None:
        short = Shape(max_model_len=MAX_ROWS + 8)
        self.assertEqual(len(list(decoder(2, short).generate(b"y" * MAX_ROWS, 8))), 8)


class Split(unittest.TestCase):
    def test_shards_hold_neighbouring_slices_of_the_whole(self) -> None:
        whole = Shard(SHAPE, 0, 1)
        for size in SIZES:
            shards = [Shard(SHAPE, rank, size) for rank in range(size)]
            for layer in range(SHAPE.layers):
                for name, matrix in vars(whole.layers[layer]).items():
                    joined = np.concatenate([vars(shard.layers[layer])[name] for shard in shards])
                    np.testing.assert_array_equal(joined, matrix)

    def test_parameters_add_up_and_heads_are_disjoint(self) -> None:
        for size in SIZES:
            shards = [Shard(SHAPE, rank, size) for rank in range(size)]
            self.assertEqual(sum(shard.parameters for shard in shards), SHAPE.heads * SHAPE.block_parameters)
            self.assertEqual([head for shard in shards for head in shard.blocks], list(range(SHAPE.heads)))

    def test_no_two_blocks_are_equal(self) -> None:
        layer = Shard(SHAPE, 0, 1).layers[0]
        self.assertEqual(len({block.tobytes() for block in [*layer.q, *layer.k, *layer.v]}), 3 * SHAPE.heads)

    def test_one_shard_alone_says_something_else(self) -> None:
        half = Decoder(SHAPE, LocalGroup(SHAPE, 2, range(1)))
        self.assertNotEqual(list(half.generate(b"a", 24)), list(decoder(2).generate(b"a", 24)))

    def test_steps_outside_the_model_are_refused(self) -> None:
        shard, x = Shard(SHAPE, 0, 2), np.zeros((1, SHAPE.hidden))
        outside = {
            "layer": (MLP, SHAPE.layers, 0, x),
            "position": (ATTEND, 0, SHAPE.max_model_len, x),
            "width": (MLP, 0, 0, np.zeros((1, 3))),
            "rows": (MLP, 0, 0, np.zeros((MAX_ROWS + 1, SHAPE.hidden))),
            "op": (9, 0, 0, x),
        }
        for name, step in outside.items():
            with self.subTest(name), self.assertRaisesRegex(ValueError, "no such"):
                shard.step(*step)


if __name__ == "__main__":
    unittest.main()
