"""What the members of native mode must agree on, and how a disagreement is put into words."""

from __future__ import annotations

from typing import Any

from .group import ShardInfo
from .settings import Settings
from .wire import PROTOCOL


def terms(settings: Settings) -> dict[str, int]:
    """Everything that must be equal on all members, by the name it is reported under."""
    assert settings.native is not None
    shape = settings.shape
    return {
        "protocol": PROTOCOL,
        "nnodes": settings.native.nnodes,
        "tensor-parallel-size": settings.tensor_parallel_size,
        "seed": shape.seed,
        "layers": shape.layers,
        "heads": shape.heads,
        "hidden": shape.hidden,
        "max-model-len": shape.max_model_len,
    }


def make_hello(settings: Settings, shards: list[ShardInfo]) -> dict[str, Any]:
    """What a member says first."""
    assert settings.native is not None
    return {"rank": settings.native.rank, "terms": terms(settings), "shards": shards}


def find_objection(settings: Settings, hello: dict[str, Any]) -> str | None:
    """Returns why rank 0 cannot take this member, naming both values, or None."""
    assert settings.native is not None
    rank, theirs, nnodes = hello.get("rank"), hello.get("terms"), settings.native.nnodes
    if not isinstance(theirs, dict):
        return "hello without terms"
    for name, value in terms(settings).items():
        if theirs.get(name) != value:
            return f"{name} is {theirs.get(name)!r} on rank {rank!r} but {value} on rank 0"
    if isinstance(rank, bool) or not isinstance(rank, int) or not 0 < rank < nnodes:
        return f"rank {rank!r} is not between 1 and {nnodes - 1}"
    shards = hello.get("shards")
    if not isinstance(shards, list) or len(shards) != settings.tensor_parallel_size // nnodes:
        return f"rank {rank} does not hold {settings.tensor_parallel_size // nnodes} shards"
    return None


def member_ranks(settings: Settings) -> range:
    """The shards that this member holds."""
    assert settings.native is not None
    width = settings.tensor_parallel_size // settings.native.nnodes
    return range(settings.native.rank * width, (settings.native.rank + 1) * width)
