"""The dimensions of the model, and where they come from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VOCABULARY = 256  # one token per byte
MAX_CONFIG_BYTES = 65_536

# Inclusive bounds; they keep one member's memory under about 1 GiB whatever a config.json says.
BOUNDS = {"seed": (0, 2**32 - 1), "layers": (1, 8), "heads": (1, 64), "hidden": (8, 512)}


@dataclass(frozen=True)
class Shape:
    """Everything that fixes the weights. Two processes with equal shapes have equal weights."""

    seed: int = 0
    layers: int = 2
    heads: int = 8  # the number of blocks, too
    hidden: int = 64  # width of the residual stream
    max_model_len: int = 512  # positions, prompt and answer together

    @property
    def head_dim(self) -> int:
        """Columns of q, k and v in one block."""
        return self.hidden // self.heads

    @property
    def inner_dim(self) -> int:
        """Columns of gate and up in one block: 3/heads of the hidden width."""
        return 3 * self.hidden // self.heads

    @property
    def block_parameters(self) -> int:
        """Weights of one block over all layers: q, k, v, o and gate, up, down."""
        return self.layers * self.hidden * (4 * self.head_dim + 3 * self.inner_dim)

    @property
    def coordinator_parameters(self) -> int:
        """Weights that are not split: embedding, positions and the output matrix."""
        return self.hidden * (2 * VOCABULARY + self.max_model_len)


def make_shape(model_dir: str | None, seed: int | None, max_model_len: int) -> Shape:
    """Builds the shape from `<model_dir>/config.json`, if there is one, and the flags; a given seed wins.

    Raises ValueError, naming the file and the key, for a directory or a value that cannot be used.
    """
    values = read_config(Path(model_dir)) if model_dir is not None else {}
    if seed is not None:
        values["seed"] = seed
    shape = Shape(**values, max_model_len=max_model_len)
    if shape.hidden % shape.heads != 0:
        raise ValueError(f"hidden {shape.hidden} cannot be divided into {shape.heads} heads")
    return shape


def read_config(model_dir: Path) -> dict[str, int]:
    """Returns the keys of config.json that we know; an absent file is an empty one."""
    if not model_dir.is_dir():
        raise ValueError(f"model directory {model_dir} is not a directory")
    path = model_dir / "config.json"
    if not path.exists():
        return {}
    with path.open("rb") as file:
        text = file.read(MAX_CONFIG_BYTES + 1)
    if len(text) > MAX_CONFIG_BYTES:
        raise ValueError(f"{path} is larger than {MAX_CONFIG_BYTES} bytes")
    try:
        config: Any = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(config, dict):
        raise ValueError(f"{path} must hold a JSON object")
    return {key: check_bound(path, key, config[key]) for key in BOUNDS if key in config}


def check_bound(path: Path, key: str, value: Any) -> int:
    """Returns `value` when it is a whole number within BOUNDS[key]; raises ValueError otherwise."""
    low, high = BOUNDS[key]
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{path}: {key} must be a whole number from {low} to {high}, not {value!r}")
    return value
