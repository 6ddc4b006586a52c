"""Servers as child processes, and what they say. Every wait is for an event and is bounded."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SERVER = HERE.parent / "server.py"
sys.path.insert(0, str(HERE.parent))

WAIT_S = 90.0  # for anything a healthy machine does in a second or two


class Server:
    """A running server.py. Its stderr is read as it comes."""

    def __init__(self, *args: str, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(SERVER), *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | (env or {}),
        )
        self.lines: list[str] = []
        self.news = threading.Condition()
        self.ended = False
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self.news:
                self.lines.append(line.rstrip("\n"))
                self.news.notify_all()
        with self.news:
            self.ended = True
            self.news.notify_all()

    def said(self, pattern: str, seconds: float = WAIT_S) -> re.Match[str]:
        """Waits until a line matches; fails when the process ends or time runs out first."""

        def find() -> re.Match[str] | None:
            return next((match for line in self.lines if (match := re.search(pattern, line))), None)

        with self.news:
            self.news.wait_for(lambda: find() is not None or self.ended, timeout=seconds)
            match = find()
        if match is None:
            raise AssertionError(f"not said: {pattern!r}; said: {self.lines}")
        return match

    def port(self) -> int:
        """Waits until ready; returns the HTTP port."""
        return int(self.said(r"ready on .*:(\d+),")[1])

    def status(self, seconds: float = WAIT_S) -> int:
        """Waits for the end; returns the exit status."""
        status = self.process.wait(seconds)
        self.reader.join(seconds)
        return status

    def stop(self) -> None:
        """Makes sure that it is gone."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()


def start(cleanup: Callable[..., Any], *args: str, env: dict[str, str] | None = None) -> Server:
    """Starts a server on loopback that `cleanup` (a test's addCleanup) will stop; `--port 0` unless given."""
    own = () if "--port" in args else ("--port", "0")
    server = Server("--host", "127.0.0.1", *own, *args, env=env)
    cleanup(server.stop)
    return server


def start_native(cleanup: Callable[..., Any], nnodes: int, size: int, *args: str) -> list[Server]:
    """Starts all ranks of native mode, the last first."""
    place = ("--nnodes", str(nnodes), "--master-addr", "127.0.0.1", "--master-port", str(free_port()))
    ranks = reversed(range(nnodes))
    servers = [start(cleanup, *place, "--node-rank", str(rank), "-tp", str(size), *args) for rank in ranks]
    return servers[::-1]


def request(port: int, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Returns status and JSON. A `body` of bytes is sent as it is."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    try:
        connection.request(method, path, data)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def complete(port: int, prompt: str, max_tokens: int = 24) -> str:
    """The text of a completion."""
    status, answer = request(port, "POST", "/v1/completions", {"prompt": prompt, "max_tokens": max_tokens})
    assert status == 200, answer
    return answer["choices"][0]["text"]


class Stream:
    """A streamed completion, event by event."""

    def __init__(self, port: int, **body: Any) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
        self.connection.request("POST", "/v1/completions", json.dumps(body | {"stream": True}))
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()

    def next(self) -> str | None:
        """The next event's data, or None at the end."""
        line = self.answer.readline().decode()
        if not line:
            self.connection.close()
            return None
        assert line.startswith("data: ") and self.answer.readline() == b"\n", line
        return line.removeprefix("data: ").rstrip("\n")

    def rest(self) -> list[str]:
        """All further events."""
        return list(iter(self.next, None))


_claims: list[socket.socket] = []


def free_port() -> int:
    """A port that nobody listens on, and that nobody else gets while this process lives.

    Not one of the kernel's own (32768 and up): until a server has started, Ray's nodes beside it might get that. As in
    scripts/group.ts a name of the kernel's says to the other tests that it is taken.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0muster-port-{port}")
            socket.create_server(("", port)).close()
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return port


def connect(port: int) -> socket.socket:
    """Connects to a port of loopback as soon as somebody listens there."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def unsplit(prompt: str, count: int = 24, **shape: int) -> str:
    """What the model says when one shard holds it all, computed in this process."""
    from demo_server.decoder import Decoder
    from demo_server.group import LocalGroup
    from demo_server.shape import Shape

    whole = Shape(**shape)
    decoder = Decoder(whole, LocalGroup(whole, 1, range(1)))
    return bytes(decoder.generate(prompt.encode(), count)).decode()
