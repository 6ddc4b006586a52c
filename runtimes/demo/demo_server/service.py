"""The model as the HTTP side sees it: loading, ready or not any more, one answer at a time, a bounded queue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Literal

from .completions import Completion, RequestError
from .decoder import Decoder
from .group import ShardInfo, ShardLost

Phase = Literal["loading", "ready", "draining", "lost"]
ORDER: list[Phase] = ["loading", "ready", "draining", "lost"]  # a service never goes back

MAX_WAITING = 32  # requests taken in, the running one included
MAX_WAIT_S = 60.0  # for one's turn


class Service:
    """Thread-safe. `on_loss` is called with the reason when a request meets a lost shard."""

    def __init__(self, on_loss: Callable[[str], None]) -> None:
        self.phase: Phase = "loading"
        self.on_loss = on_loss
        self.decoder: Decoder | None = None
        self.shards: list[ShardInfo] = []
        self.seats = threading.BoundedSemaphore(MAX_WAITING)
        self.turn = threading.Lock()
        self.count = 0
        self.quiet = threading.Condition()
        self.cut_short = False

    def open(self, decoder: Decoder, shards: list[ShardInfo]) -> None:
        """Begins to serve."""
        self.decoder, self.shards = decoder, shards
        self.enter("ready")

    def enter(self, phase: Phase) -> None:
        """Goes on to a later phase, or stays. After `ready`, new requests are refused and running ones go on."""
        with self.quiet:
            self.phase = max(self.phase, phase, key=ORDER.index)

    def wait_quiet(self, seconds: float) -> bool:
        """Waits until no request runs; returns False if some still do after `seconds`."""
        with self.quiet:
            return self.quiet.wait_for(lambda: self.count == 0, timeout=seconds)

    def cut(self) -> None:
        """Ends running requests with an error at their next token."""
        self.cut_short = True

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Counts a request as running, until its answer is written, be it an error."""
        with self.quiet:
            self.count += 1
        try:
            yield
        finally:
            with self.quiet:
                self.count -= 1
                self.quiet.notify_all()

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Holds a seat while a request waits and runs; raises RequestError 503 when it cannot be served."""
        if self.phase != "ready":
            raise RequestError(503, f"the model is not ready: {self.phase}")
        if not self.seats.acquire(blocking=False):
            raise RequestError(503, f"{MAX_WAITING} requests are running or waiting already")
        try:
            yield
        finally:
            self.seats.release()

    def tokens(self, request: Completion) -> Generator[int, None, None]:
        """Yields the answer's tokens when its turn has come. Raises RequestError 503. Close it if not exhausted."""
        assert self.decoder is not None
        if not self.turn.acquire(timeout=MAX_WAIT_S):
            raise RequestError(503, f"waited {MAX_WAIT_S:g} s for other requests")
        try:
            for token in self.decoder.generate(request.prompt, request.max_tokens):
                if self.cut_short:
                    raise RequestError(503, "the server is stopping")
                yield token
        except ShardLost as error:
            self.on_loss(str(error))
            self.enter("lost")
            raise RequestError(503, f"the model has lost a shard: {error}") from error
        finally:
            self.turn.release()
