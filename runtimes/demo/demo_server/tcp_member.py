"""Ranks above 0 of native mode: join rank 0, then do the steps it asks for until it is gone."""

from __future__ import annotations

import socket
import time

from .group import LocalGroup, ShardLost, StartupError
from .hello import make_hello, member_ranks
from .messages import say
from .settings import Settings
from .shard import PING
from .wire import WireError, max_step_bytes, pack_step, receive_frame, receive_json, send_frame, send_json, unpack_step

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0
ATTEMPT_TIMEOUT_S = 5.0

# Rank 0 pings each second. It stops only while it waits for other ranks, or when it is gone.
SILENCES_ALLOWED = 4


def follow(settings: Settings) -> None:
    """Serves rank 0. Only returns by raising: StartupError before the group stands, ShardLost after."""
    assert settings.native is not None
    group = LocalGroup(settings.shape, settings.tensor_parallel_size, member_ranks(settings))
    with join(settings, group) as sock:
        shards = ", ".join(str(shard.rank) for shard in group.shards)
        say(f"rank {settings.native.rank} joined {place(settings)} with shard {shards}")
        try:
            obey(sock, settings, group)
        except (WireError, ValueError) as error:
            raise ShardLost(f"rank 0 at {place(settings)} is gone: {error}") from error


def obey(sock: socket.socket, settings: Settings, group: LocalGroup) -> None:
    """Answers step by step. The first may wait for the slowest rank to join."""
    limit, hidden = max_step_bytes(settings.shape), settings.shape.hidden
    sock.settimeout(settings.connect_timeout + ATTEMPT_TIMEOUT_S)
    while True:
        op, layer, start, x = unpack_step(receive_frame(sock, limit), hidden)
        part = x if op == PING else group.step(op, layer, start, x)
        sock.settimeout(1 + SILENCES_ALLOWED * settings.shard_timeout)
        send_frame(sock, pack_step(op, layer, start, part))


def join(settings: Settings, group: LocalGroup) -> socket.socket:
    """Connects and says hello, again and again with growing pauses, until rank 0 takes this member in.

    Raises StartupError when rank 0 refuses, or is not there within `connect_timeout` seconds.
    """
    assert settings.native is not None
    deadline, pause = time.monotonic() + settings.connect_timeout, FIRST_PAUSE_S
    while True:
        try:
            return say_hello(settings, group, deadline - time.monotonic())
        except (OSError, WireError) as error:
            if time.monotonic() + pause > deadline:
                waited = f"{settings.connect_timeout:g} s"
                raise StartupError(f"waited {waited} for rank 0 at {place(settings)}: {error}") from error
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


def say_hello(settings: Settings, group: LocalGroup, seconds_left: float) -> socket.socket:
    """One attempt to join; returns the connection. Raises OSError or WireError if a later one may succeed."""
    assert settings.native is not None
    native, timeout = settings.native, min(ATTEMPT_TIMEOUT_S, seconds_left)
    sock = socket.create_connection((native.address, native.port), timeout=timeout)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        shards = group.describe(f"rank-{native.rank}", sock.getsockname()[0])
        send_json(sock, make_hello(settings, shards))
        objection = receive_json(sock).get("refused")
    except BaseException:
        sock.close()
        raise
    if objection is not None:
        sock.close()
        raise StartupError(f"rank 0 at {place(settings)} refused this member: {objection}")
    return sock


def place(settings: Settings) -> str:
    """Where rank 0 listens, for people."""
    assert settings.native is not None
    return f"{settings.native.address}:{settings.native.port}"
