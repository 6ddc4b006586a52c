"""One shard: its slice of the weights, its slice of the KV cache, and the partial results it computes from them."""

from __future__ import annotations

import numpy as np

from .shape import Shape
from .weights import Array, layer_weights

ATTEND, MLP, PING = 1, 2, 3  # the steps a shard can take

MAX_ROWS = 64  # positions in one step; a longer prompt takes several steps


class Shard:
    """Blocks `rank * heads / size` up to the next shard's. Holds one sequence at a time."""

    def __init__(self, shape: Shape, rank: int, size: int) -> None:
        """Makes the weights of shard `rank` of `size`; `size` must divide the number of heads."""
        width = shape.heads // size
        self.rank = rank
        self.blocks = range(rank * width, (rank + 1) * width)
        self.shape = shape
        self.layers = [layer_weights(shape, layer, self.blocks) for layer in range(shape.layers)]
        cache = (shape.layers, width, shape.max_model_len, shape.head_dim)
        self.keys = np.zeros(cache)
        self.values = np.zeros(cache)

    @property
    def parameters(self) -> int:
        """Weights held here; those of all shards add up to `heads * block_parameters`."""
        return sum(layer.parameters for layer in self.layers)

    def step(self, op: int, layer: int, start: int, x: Array) -> Array:
        """Returns this shard's part of a sum over shards, in the shape of `x`: (rows, hidden).

        `start` is the position of the first row. Writing position 0 begins a new sequence: a step reads no
        position that this sequence has not written. Raises ValueError for a step outside the model.
        """
        rows, hidden = x.shape
        if not (0 <= layer < self.shape.layers and hidden == self.shape.hidden and 0 < rows <= MAX_ROWS):
            raise ValueError(f"no such step: layer {layer}, {rows} rows of {hidden}")
        if not 0 <= start <= self.shape.max_model_len - rows:
            raise ValueError(f"no such positions: {rows} from {start}")
        if op == ATTEND:
            return self.attend(layer, start, x)
        if op == MLP:
            return self.mlp(layer, x)
        raise ValueError(f"no such step: {op}")

    def attend(self, layer: int, start: int, x: Array) -> Array:
        """Causal attention of this shard's heads, carried through its rows of o."""
        weights, end = self.layers[layer], start + len(x)
        self.keys[layer, :, start:end] = x @ weights.k
        self.values[layer, :, start:end] = x @ weights.v
        keys, values = self.keys[layer, :, :end], self.values[layer, :, :end]
        scores = (x @ weights.q) @ keys.transpose(0, 2, 1) / np.sqrt(self.shape.head_dim)
        future = np.arange(end) > np.arange(start, end)[:, None]
        scores[:, future] = -np.inf
        chances = np.exp(scores - scores.max(axis=-1, keepdims=True))
        chances /= chances.sum(axis=-1, keepdims=True)
        return tree_sum(list(chances @ values @ weights.o))

    def mlp(self, layer: int, x: Array) -> Array:
        """SwiGLU of this shard's columns, carried through its rows of down."""
        weights = self.layers[layer]
        gate = x @ weights.gate
        return tree_sum(list(gate / (1 + np.exp(-gate)) * (x @ weights.up) @ weights.down))


def tree_sum(parts: list[Array]) -> Array:
    """Adds neighbours, then neighbouring sums, and so on.

    Blocks are added in the same order for every power-of-two number of shards, so the sum does not depend on it.
    """
    while len(parts) > 1:
        pairs = [left + right for left, right in zip(parts[::2], parts[1::2])]
        parts = pairs + parts[len(pairs) * 2 :]
    return parts[0]
