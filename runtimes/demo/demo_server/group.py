"""What the coordinator needs from its shards, wherever they live; and the group that lives in one process."""

from __future__ import annotations

import os
import socket
from typing import Protocol, TypedDict

from .shape import Shape
from .shard import Shard, tree_sum
from .weights import Array


class ShardLost(Exception):
    """A shard is gone or silent, so the model is gone. The message names the shard and the reason."""


class StartupError(Exception):
    """The group could not be formed. The message says what was missing, in one line."""


class ShardInfo(TypedDict):
    """One shard as /v1/models shows it."""

    rank: int
    node_id: str
    node_ip: str
    pid: int
    hostname: str
    parameters: int  # weights held, the KV cache not counted
    heads: list[int]


class Group(Protocol):
    """All shards of one model."""

    def step(self, op: int, layer: int, start: int, x: Array) -> Array:
        """One step on every shard; returns the sum of the partial results. Raises ShardLost."""

    def ping(self) -> None:
        """Returns once every shard has answered; raises ShardLost if one has not. May be called at any time."""

    def describe(self) -> list[ShardInfo]:
        """The shards by rank."""

    def close(self) -> None:
        """Lets go of the shards. Never raises."""


class LocalGroup:
    """Some or all shards, held by this process."""

    def __init__(self, shape: Shape, size: int, ranks: range) -> None:
        self.shards = [Shard(shape, rank, size) for rank in ranks]

    def step(self, op: int, layer: int, start: int, x: Array) -> Array:
        return tree_sum([shard.step(op, layer, start, x) for shard in self.shards])

    def ping(self) -> None:
        pass

    def describe(self, node_id: str = "local", node_ip: str = "127.0.0.1") -> list[ShardInfo]:
        return [describe_shard(shard, node_id, node_ip) for shard in self.shards]

    def close(self) -> None:
        pass


def describe_shard(shard: Shard, node_id: str, node_ip: str) -> ShardInfo:
    """Describes a shard of this process."""
    return ShardInfo(
        rank=shard.rank,
        node_id=node_id,
        node_ip=node_ip,
        pid=os.getpid(),
        hostname=socket.gethostname(),
        parameters=shard.parameters,
        heads=list(shard.blocks),
    )
