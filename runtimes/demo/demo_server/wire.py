"""Frames between the members of native mode.

A frame is its length in 4 bytes, big-endian, then that many bytes. The first frame each way is JSON (hello and its
answer). Every later one is a step or a partial result: a header, then rows * hidden little-endian float64 numbers.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

import numpy as np

from .shape import Shape
from .shard import MAX_ROWS
from .weights import Array

PROTOCOL = 1
MAX_HELLO_BYTES = 65_536

LENGTH = struct.Struct("!I")
STEP = struct.Struct("!BHI")  # op, layer, position of the first row


class WireError(Exception):
    """The other side closed, is silent, or does not speak this protocol."""


def max_step_bytes(shape: Shape) -> int:
    """The longest frame that a step of this shape can need."""
    return STEP.size + MAX_ROWS * shape.hidden * 8


def send_frame(sock: socket.socket, payload: bytes) -> None:
    """Sends one frame within the socket's timeout."""
    try:
        sock.sendall(LENGTH.pack(len(payload)) + payload)
    except OSError as error:
        raise WireError(reason(error)) from error


def receive_frame(sock: socket.socket, limit: int) -> bytes:
    """Receives one frame of at most `limit` bytes."""
    (length,) = LENGTH.unpack(receive_exactly(sock, LENGTH.size))
    if length > limit:
        raise WireError(f"frame of {length} bytes, more than {limit}")
    return receive_exactly(sock, length)


def receive_exactly(sock: socket.socket, count: int) -> bytes:
    """Receives `count` bytes; each piece within the socket's timeout."""
    data = bytearray()
    while len(data) < count:
        try:
            piece = sock.recv(count - len(data))
        except OSError as error:
            raise WireError(reason(error)) from error
        if not piece:
            raise WireError("connection closed")
        data += piece
    return bytes(data)


def reason(error: OSError) -> str:
    """The error in a few words."""
    return "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)


def send_json(sock: socket.socket, message: dict[str, Any]) -> None:
    """Sends a hello or its answer."""
    send_frame(sock, json.dumps(message).encode())


def receive_json(sock: socket.socket) -> dict[str, Any]:
    """Receives a hello or its answer."""
    try:
        message = json.loads(receive_frame(sock, MAX_HELLO_BYTES))
    except ValueError as error:
        raise WireError("hello is not JSON") from error
    if not isinstance(message, dict):
        raise WireError("hello is not a JSON object")
    return message


def pack_step(op: int, layer: int, start: int, x: Array) -> bytes:
    """A step or its result; `x` is (rows, hidden), possibly of no rows."""
    return STEP.pack(op, layer, start) + x.astype("<f8").tobytes()


def unpack_step(frame: bytes, hidden: int) -> tuple[int, int, int, Array]:
    """Returns op, layer, start and the (rows, hidden) numbers of a frame."""
    numbers = len(frame) - STEP.size
    if numbers < 0 or numbers % (8 * hidden) != 0:
        raise WireError(f"frame of {len(frame)} bytes is no step")
    op, layer, start = STEP.unpack_from(frame)
    x = np.frombuffer(frame, "<f8", offset=STEP.size).reshape(-1, hidden)
    return op, layer, start, x
