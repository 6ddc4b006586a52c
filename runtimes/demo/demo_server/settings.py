"""The command line: which arguments exist, and which combinations make no sense."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from .shape import BOUNDS, Shape, make_shape

USAGE_STATUS = 2


@dataclass(frozen=True)
class NativePlace:
    """This process's place in native mode."""

    nnodes: int
    rank: int
    address: str  # where rank 0 listens
    port: int


@dataclass(frozen=True)
class Settings:
    """A checked command line. Times are seconds."""

    host: str
    port: int  # 0 lets the system choose
    model_name: str
    tensor_parallel_size: int
    shape: Shape
    native: NativePlace | None  # None is Ray mode
    ray_address: str
    connect_timeout: float
    shard_timeout: float
    startup_delay: float
    grace: float
    custom_param: str | None

    @property
    def is_headless(self) -> bool:
        """Whether this process serves no HTTP."""
        return self.native is not None and self.native.rank > 0


class Parser(argparse.ArgumentParser):
    """Refuses in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        print(f"demo: {message}; see --help", file=sys.stderr)
        raise SystemExit(USAGE_STATUS)


def parse_settings(argv: list[str]) -> Settings:
    """Reads the arguments. Raises SystemExit: 2 for arguments that cannot be used, 0 after --help."""
    parser = make_parser()
    given, unknown = parser.parse_known_args(argv)
    if unknown:
        parser.error(f"unknown argument: {unknown[0]}")
    try:
        shape = make_shape(given.model_dir, given.seed, given.max_model_len)
        native = native_place(given)
        check_split(given.tensor_parallel_size, shape.heads, native.nnodes if native else 1)
    except ValueError as error:
        parser.error(str(error))
    return Settings(
        host=given.host,
        port=given.port,
        model_name=given.model_name,
        tensor_parallel_size=given.tensor_parallel_size,
        shape=shape,
        native=native,
        ray_address=given.ray_address or os.environ.get("RAY_ADDRESS") or "auto",
        connect_timeout=given.connect_timeout,
        shard_timeout=given.shard_timeout,
        startup_delay=given.startup_delay,
        grace=given.grace,
        custom_param=given.custom_param,
    )


def make_parser() -> Parser:
    """The option table."""
    parser = Parser(prog="demo", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--host", default="0.0.0.0", help="address to serve HTTP on")
    add("--port", type=whole(0, 65535), default=8080, help="0 lets the system choose")
    add("--model-name", "--model_name", "--served-model-name", default="demo")
    add("--tensor-parallel-size", "--tensor_parallel_size", "-tp", type=whole(1, 64), default=1)
    add("--pipeline-parallel-size", "--pipeline_parallel_size", type=whole(1, 1), default=1, help="only 1")
    add("--seed", type=whole(*BOUNDS["seed"]), help="seed of the weights; default 0")
    add("--max-model-len", type=whole(2, 8192), default=512, help="tokens of prompt and answer together")
    add("--model-dir", "--model_dir", help="directory that may hold config.json: seed, layers, heads, hidden")
    add("--ray-address", help="default: RAY_ADDRESS, else the Ray node of this machine")
    add("--nnodes", type=whole(1, 64), help="native mode: number of processes; no Ray")
    add("--node-rank", type=whole(0, 63), help="native mode: this process, from 0")
    add("--master-addr", help="native mode: where rank 0 listens")
    add("--master-port", type=whole(1, 65535), help="native mode: the port there")
    add("--connect-timeout", type=seconds(0.1, 3600), default=60, help="seconds for the shards to come together")
    add("--shard-timeout", type=seconds(0.1, 600), default=3, help="seconds of silence after which a shard is lost")
    add("--startup-delay", type=seconds(0, 3600), default=0, help="seconds to wait before ready, like a slow load")
    add("--grace", type=seconds(0, 3600), default=5, help="seconds for running requests after SIGTERM")
    add("--custom-param", help="any text; shown at /v1/models")
    return parser


def native_place(given: argparse.Namespace) -> NativePlace | None:
    """Returns the place in native mode, or None when no native flag is given. Raises ValueError."""
    parts = {"--node-rank": given.node_rank, "--master-addr": given.master_addr, "--master-port": given.master_port}
    if given.nnodes is None:
        stray = next((flag for flag, value in parts.items() if value is not None), None)
        if stray is not None:
            raise ValueError(f"{stray} needs --nnodes")
        return None
    missing = next((flag for flag, value in parts.items() if value is None), None)
    if missing is not None and given.nnodes > 1:
        raise ValueError(f"--nnodes {given.nnodes} needs {missing}")
    rank = given.node_rank or 0
    if rank >= given.nnodes:
        raise ValueError(f"--node-rank {rank} is not below --nnodes {given.nnodes}")
    return NativePlace(given.nnodes, rank, given.master_addr or "127.0.0.1", given.master_port or 0)


def check_split(size: int, heads: int, nnodes: int) -> None:
    """Raises ValueError unless heads divide over shards, and shards over members."""
    if heads % size != 0:
        raise ValueError(f"--tensor-parallel-size {size} does not divide the model's {heads} heads")
    if size % nnodes != 0:
        raise ValueError(f"--tensor-parallel-size {size} cannot be divided over --nnodes {nnodes}")


def whole(low: int, high: int) -> Callable[[str], int]:
    """An option type: a whole decimal number from `low` to `high`."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 12 and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return read


def seconds(low: float, high: float) -> Callable[[str], float]:
    """An option type: seconds from `low` to `high`."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from {low} to {high}")
        return value

    return read
