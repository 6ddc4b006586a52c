"""Rank 0 of native mode: gathers the other members and sums their partial results over TCP."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from .group import LocalGroup, ShardInfo, ShardLost, StartupError
from .hello import find_objection, member_ranks
from .messages import say
from .settings import Settings
from .shard import PING, tree_sum
from .weights import Array
from .wire import WireError, max_step_bytes, pack_step, receive_frame, receive_json, send_frame, send_json, unpack_step

HELLO_TIMEOUT_S = 2.0  # one caller may hold up the others by this much


@dataclass(frozen=True)
class Member:
    """Another process of the group, as rank 0 sees it."""

    rank: int
    sock: socket.socket
    shards: list[ShardInfo]


class TcpGroup:
    """The shards of this process and of all other members. One step at a time; a ping waits for its turn."""

    def __init__(self, settings: Settings) -> None:
        """Waits until every rank has joined; raises StartupError after `connect_timeout` seconds."""
        assert settings.native is not None
        self.shape = settings.shape
        self.limit = max_step_bytes(settings.shape)
        self.turn = threading.Lock()
        self.local = LocalGroup(settings.shape, settings.tensor_parallel_size, member_ranks(settings))
        members = gather(settings) if settings.native.nnodes > 1 else {}
        self.members = [members[rank] for rank in sorted(members)]
        for member in self.members:
            member.sock.settimeout(settings.shard_timeout)
        own_ip = self.members[0].sock.getsockname()[0] if self.members else "127.0.0.1"
        self.own = self.local.describe("rank-0", own_ip)

    def step(self, op: int, layer: int, start: int, x: Array) -> Array:
        with self.turn:
            self.send(pack_step(op, layer, start, x))
            parts = [self.local.step(op, layer, start, x)]
            parts += [self.receive(member, op, x.shape) for member in self.members]
        return tree_sum(parts)

    def ping(self) -> None:
        nothing = np.zeros((0, self.shape.hidden))
        with self.turn:
            self.send(pack_step(PING, 0, 0, nothing))
            for member in self.members:
                self.receive(member, PING, nothing.shape)

    def send(self, frame: bytes) -> None:
        """Sends one frame to every member."""
        for member in self.members:
            try:
                send_frame(member.sock, frame)
            except WireError as error:
                raise ShardLost(f"rank {member.rank} is gone: {error}") from error

    def receive(self, member: Member, op: int, size: tuple[int, ...]) -> Array:
        """Receives one member's partial result for a step."""
        try:
            answer, _, _, part = unpack_step(receive_frame(member.sock, self.limit), self.shape.hidden)
        except WireError as error:
            raise ShardLost(f"rank {member.rank} is gone: {error}") from error
        if answer != op or part.shape != size:
            raise ShardLost(f"rank {member.rank} answered another step")
        return part

    def describe(self) -> list[ShardInfo]:
        return self.own + [shard for member in self.members for shard in member.shards]

    def close(self) -> None:
        for member in self.members:
            member.sock.close()


def gather(settings: Settings) -> dict[int, Member]:
    """Accepts members until every rank is there. A caller that cannot be taken is told why and let go."""
    assert settings.native is not None
    wanted = set(range(1, settings.native.nnodes))
    members: dict[int, Member] = {}
    deadline = time.monotonic() + settings.connect_timeout
    with listen(settings.native.address, settings.native.port, len(wanted)) as listener:
        while wanted - {rank for rank, member in members.items() if not has_left(member)}:
            listener.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                sock, _ = listener.accept()
            except TimeoutError as error:
                missing = ", ".join(map(str, sorted(wanted - members.keys())))
                waited = f"{settings.connect_timeout:g} s"
                raise StartupError(f"waited {waited} for rank {missing}; check that every member runs") from error
            member = greet(sock, settings, members)
            if member is not None:
                members[member.rank] = member
    return members


def greet(sock: socket.socket, settings: Settings, members: dict[int, Member]) -> Member | None:
    """Takes one caller in as a member; returns None, with its socket closed, for anybody else."""
    sock.settimeout(HELLO_TIMEOUT_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(WireError):
        hello = receive_json(sock)
        objection = find_objection(settings, hello) or find_double(hello, members)
        send_json(sock, {"refused": objection})
        if objection is None:
            return Member(hello["rank"], sock, hello["shards"])
        say(f"refused a member: {objection}")
    sock.close()
    return None


def find_double(hello: dict[str, Any], members: dict[int, Member]) -> str | None:
    """Objects to a rank that is already there. One whose connection has closed may come again."""
    known = members.get(hello["rank"])
    return None if known is None or has_left(known) else f"rank {known.rank} has already joined"


def has_left(member: Member) -> bool:
    """Whether its connection has closed. Leaves the socket non-blocking."""
    member.sock.setblocking(False)
    try:
        return member.sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def listen(address: str, port: int, backlog: int) -> socket.socket:
    """Listens on `address` if it is an address of this machine; on all of them if it is a name or a virtual one.

    A pod's own name may resolve to loopback or not at all inside the pod, and a service's address is nobody's.
    """
    with contextlib.suppress(ValueError):
        family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
        with contextlib.suppress(OSError):
            return socket.create_server((address, port), family=family, backlog=backlog)
    try:
        return socket.create_server(("", port), backlog=backlog)
    except OSError as error:
        raise StartupError(f"cannot listen on port {port} for the other ranks: {error.strerror}") from error
