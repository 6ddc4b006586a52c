"""Greedy decoding: the part of the forward pass that is not split."""

from __future__ import annotations

import string
from collections.abc import Iterator

import numpy as np

from .group import Group
from .shape import VOCABULARY, Shape
from .shard import ATTEND, MAX_ROWS, MLP
from .weights import Array, coordinator_weights

# The model only says these, so that an answer can be printed and compared by eye.
SPOKEN = (string.ascii_letters + string.digits + " ").encode("ascii")


class Decoder:
    """Turns prompt tokens into answer tokens with a group's help. One sequence at a time."""

    def __init__(self, shape: Shape, group: Group) -> None:
        self.shape = shape
        self.group = group
        self.weights = coordinator_weights(shape)
        self.silenced = np.full(VOCABULARY, -np.inf)
        self.silenced[list(SPOKEN)] = 0.0

    def generate(self, prompt: bytes, max_tokens: int) -> Iterator[int]:
        """Yields `max_tokens` tokens, each as soon as it is known.

        `prompt` must not be empty, and prompt and answer must fit into max_model_len. Raises ShardLost.
        """
        x = self.prefill(prompt)
        for position in range(len(prompt), len(prompt) + max_tokens):
            token = int(np.argmax(self.logits(x)))
            yield token
            if position < len(prompt) + max_tokens - 1:
                x = self.forward(bytes([token]), position)

    def prefill(self, prompt: bytes) -> Array:
        """Runs the prompt in steps of at most MAX_ROWS; returns the last row, (1, hidden)."""
        starts = range(0, len(prompt), MAX_ROWS)
        rows = [self.forward(prompt[start : start + MAX_ROWS], start) for start in starts]
        return rows[-1]

    def forward(self, tokens: bytes, start: int) -> Array:
        """Carries `tokens`, whose first is at position `start`, through all layers; returns the last row."""
        x = self.weights.embedding[list(tokens)] + self.weights.positions[start : start + len(tokens)]
        for layer in range(self.shape.layers):
            x = x + self.group.step(ATTEND, layer, start, rms_norm(x))
            x = x + self.group.step(MLP, layer, start, rms_norm(x))
        return x[-1:]

    def logits(self, x: Array) -> Array:
        """Scores of the next token, (vocabulary,), from the last row, (1, hidden)."""
        return (rms_norm(x) @ self.weights.output)[0] + self.silenced


def rms_norm(x: Array) -> Array:
    """Scales each row to a root mean square of 1."""
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-6)
