"""Shards as Ray actors, one per node. The only module that imports Ray."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Or else a call after `close` would quietly join the cluster again. Ray reads this when it is imported.
os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"

import ray
from ray.util.placement_group import PlacementGroup, placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

import demo_server

from .group import ShardInfo, ShardLost, StartupError, describe_shard
from .settings import Settings
from .shape import Shape
from .shard import Shard, tree_sum
from .weights import Array

CLOSE_TIMEOUT_S = 3.0
RETRY_PAUSE_S = 0.2

# Actors receive this package with their class, so that nodes need not have it installed, nor fetch it.
ray.cloudpickle.register_pickle_by_value(demo_server)


class ShardActor:
    """A shard in a process of its own."""

    def __init__(self, shape: Shape, rank: int, size: int) -> None:
        self.shard = Shard(shape, rank, size)

    def step(self, op: int, layer: int, start: int, x: Array) -> Array:
        return self.shard.step(op, layer, start, x)

    def ping(self) -> None:
        pass

    def describe(self) -> ShardInfo:
        node_id = ray.get_runtime_context().get_node_id()
        return describe_shard(self.shard, node_id, ray.util.get_node_ip_address())


class RayGroup:
    """One actor per shard, on as many nodes. Steps and pings may overlap; each actor takes them in turn."""

    def __init__(self, settings: Settings) -> None:
        """Connects, reserves the nodes and starts the actors, within `connect_timeout` seconds in all.

        Raises StartupError.
        """
        self.timeout = settings.shard_timeout
        self.quiet = threading.Condition()
        self.asking = 0
        self.closed = False
        deadline = time.monotonic() + settings.connect_timeout
        connect(settings.ray_address, deadline)
        size = settings.tensor_parallel_size
        self.reservation = reserve(size, deadline)
        self.actors = [start_actor(settings.shape, rank, size, self.reservation) for rank in range(size)]
        asked = [actor.describe.remote() for actor in self.actors]
        try:
            self.shards: list[ShardInfo] = ray.get(asked, timeout=max(0.1, deadline - time.monotonic()))
        except ray.exceptions.GetTimeoutError as error:
            raise StartupError(f"waited {settings.connect_timeout:g} s for {size} actors to start") from error
        except ray.exceptions.RayError as error:
            raise StartupError(f"a shard's actor did not start: {first_line(error)}") from error

    def step(self, op: int, layer: int, start: int, x: Array) -> Array:
        return tree_sum(self.ask("step", op, layer, start, x))

    def ping(self) -> None:
        self.ask("ping")

    def ask(self, method: str, *args: Any) -> list[Any]:
        """Calls a method of every actor and waits for the answers, `shard_timeout` seconds in all."""
        with self.counted():
            return self.collect(method, *args)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Holds `close` off: a call that meets Ray while it shuts down ends this process with status 1."""
        with self.quiet:
            if self.closed:
                raise ShardLost("the group is closed")
            self.asking += 1
        try:
            yield
        finally:
            with self.quiet:
                self.asking -= 1
                self.quiet.notify_all()

    def collect(self, method: str, *args: Any) -> list[Any]:
        """Like `ask`, while Ray is there."""
        try:
            answers = [getattr(actor, method).remote(*args) for actor in self.actors]
        except ray.exceptions.RayError as error:
            raise ShardLost(f"Ray is gone: {first_line(error)}") from error
        deadline = time.monotonic() + self.timeout
        values = []
        for shard, answer in zip(self.shards, answers):
            where = f"shard {shard['rank']} on node {shard['node_id'][:8]} ({shard['node_ip']})"
            try:
                values.append(ray.get(answer, timeout=max(0.0, deadline - time.monotonic())))
            except ray.exceptions.GetTimeoutError as error:
                raise ShardLost(f"{where} has not answered for {self.timeout:g} s") from error
            except ray.exceptions.RayError as error:
                raise ShardLost(f"{where} is gone: {type(error).__name__}") from error
        return values

    def describe(self) -> list[ShardInfo]:
        return self.shards

    def close(self) -> None:
        """Leaves the cluster, which ends the actors and frees the nodes; gives up after CLOSE_TIMEOUT_S.

        Where a call still hangs then, Ray finds out by itself that this process has ended.
        """
        with self.quiet:
            self.closed = True
            if not self.quiet.wait_for(lambda: self.asking == 0, timeout=CLOSE_TIMEOUT_S):
                return
        leaving = threading.Thread(target=ray.shutdown, daemon=True)
        leaving.start()
        leaving.join(CLOSE_TIMEOUT_S)


def connect(address: str, deadline: float) -> None:
    """Connects this process to Ray as a driver."""
    wait_for_port(address, deadline)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL, configure_logging=True)
    except Exception as error:  # Ray raises many kinds here: ConnectionError, RuntimeError, ValueError, its own
        raise StartupError(f"cannot join Ray at {address}: {first_line(error)}") from error


def wait_for_port(address: str, deadline: float) -> None:
    """Waits until something listens at `host:port`; Ray itself would say so only after 40 s.

    Leaves other forms of address, such as `auto`, to Ray.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or "/" in host:
        return
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=2).close()
            return
        except (OSError, OverflowError) as error:
            if time.monotonic() + RETRY_PAUSE_S > deadline:
                raise StartupError(f"nothing answers at the Ray address {address}: {error}") from error
        time.sleep(RETRY_PAUSE_S)


def reserve(size: int, deadline: float) -> PlacementGroup:
    """Reserves one CPU on each of `size` different nodes."""
    reservation = placement_group([{"CPU": 1}] * size, strategy="STRICT_SPREAD" if size > 1 else "PACK")
    if not reservation.wait(timeout_seconds=max(0.1, deadline - time.monotonic())):
        alive = sum(node["Alive"] for node in ray.nodes())
        raise StartupError(f"{size} shards need {size} Ray nodes with a free CPU each; {alive} nodes are alive")
    return reservation


def start_actor(shape: Shape, rank: int, size: int, reservation: PlacementGroup) -> Any:
    """Starts the actor of one shard in its bundle; it is never restarted, since its KV cache would be lost."""
    options = ray.remote(ShardActor).options(
        name=f"demo-shard-{rank}",
        num_cpus=1,
        max_restarts=0,
        max_task_retries=0,
        scheduling_strategy=PlacementGroupSchedulingStrategy(reservation, placement_group_bundle_index=rank),
    )
    return options.remote(shape, rank, size)


def first_line(error: BaseException) -> str:
    """The first line of an error's text, which for Ray can be pages."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
