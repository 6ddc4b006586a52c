"""Random weights, one block at a time.

Each matrix of each block has its own random stream, keyed by (seed, layer, matrix, block). So a shard makes its
blocks without ever holding, or drawing, those of another shard, and the values do not depend on how many shards
there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .shape import VOCABULARY, Shape

Array = NDArray[np.float64]

Q, K, V, O, GATE, UP, DOWN, EMBEDDING, POSITIONS, OUTPUT = range(10)


@dataclass(frozen=True)
class LayerWeights:
    """One layer's matrices for `blocks` blocks. Columns are split in q, k, v, gate, up; rows in o, down."""

    q: Array  # (blocks, hidden, head_dim)
    k: Array  # (blocks, hidden, head_dim)
    v: Array  # (blocks, hidden, head_dim)
    o: Array  # (blocks, head_dim, hidden)
    gate: Array  # (blocks, hidden, inner_dim)
    up: Array  # (blocks, hidden, inner_dim)
    down: Array  # (blocks, inner_dim, hidden)

    @property
    def parameters(self) -> int:
        """How many numbers are held here."""
        return sum(matrix.size for matrix in vars(self).values())


@dataclass(frozen=True)
class CoordinatorWeights:
    """The matrices that are not split."""

    embedding: Array  # (vocabulary, hidden)
    positions: Array  # (max_model_len, hidden)
    output: Array  # (hidden, vocabulary)


def layer_weights(shape: Shape, layer: int, blocks: range) -> LayerWeights:
    """Draws the given blocks of one layer, scaled so that a unit input gives a unit output."""
    hidden, head, inner = shape.hidden, shape.head_dim, shape.inner_dim

    def stack(matrix: int, rows: int, columns: int, fan_in: int) -> Array:
        drawn = [draw(shape.seed, layer, matrix, block, (rows, columns)) for block in blocks]
        return np.stack(drawn) / np.sqrt(fan_in)

    return LayerWeights(
        q=stack(Q, hidden, head, hidden),
        k=stack(K, hidden, head, hidden),
        v=stack(V, hidden, head, hidden),
        o=stack(O, head, hidden, hidden),
        gate=stack(GATE, hidden, inner, hidden),
        up=stack(UP, hidden, inner, hidden),
        down=stack(DOWN, inner, hidden, 3 * hidden),
    )


def coordinator_weights(shape: Shape) -> CoordinatorWeights:
    """Draws the matrices that only the coordinator holds."""
    hidden, positions = shape.hidden, shape.max_model_len
    return CoordinatorWeights(
        embedding=draw(shape.seed, 0, EMBEDDING, 0, (VOCABULARY, hidden)),
        positions=draw(shape.seed, 0, POSITIONS, 0, (positions, hidden)),
        output=draw(shape.seed, 0, OUTPUT, 0, (hidden, VOCABULARY)) / np.sqrt(hidden),
    )


def draw(seed: int, layer: int, matrix: int, block: int, size: tuple[int, int]) -> Array:
    """Standard normal numbers from the stream of (seed, layer, matrix, block)."""
    return np.random.default_rng([seed, layer, matrix, block]).standard_normal(size)
