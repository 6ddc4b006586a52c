"""From start to exit status. Threads and signals report events; one loop decides what they mean."""

from __future__ import annotations

import errno
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue

from .decoder import Decoder
from .group import Group, ShardLost, StartupError
from .http_server import HttpServer
from .messages import say
from .routes import make_handler
from .service import Service
from .settings import Settings

PING_INTERVAL_S = 1.0
LAST_ANSWERS_S = 1.0  # for running requests to learn that they failed


@dataclass(frozen=True)
class Ready:
    """The model can answer."""


@dataclass(frozen=True)
class Stop:
    """A signal asks us to stop."""


@dataclass(frozen=True)
class Broken:
    """The model cannot be had, or has lost a shard."""

    reason: str


# SimpleQueue.put may be called from a signal handler, whatever the main thread is doing.
Events = SimpleQueue[Ready | Stop | Broken]


def listen_for_signals(events: Events) -> None:
    """Turns SIGTERM and SIGINT into Stop events. Main thread only."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: events.put(Stop()))


def in_background(events: Events, work: Callable[[], None]) -> None:
    """Runs `work` in a thread; what it raises becomes a Broken event."""

    def guarded() -> None:
        try:
            work()
        except (StartupError, ShardLost) as error:
            events.put(Broken(str(error)))
        except Exception as error:
            traceback.print_exc()
            events.put(Broken(f"bug: {error!r}"))

    threading.Thread(target=guarded, daemon=True).start()


def run_member(settings: Settings, follow: Callable[[Settings], None]) -> int:
    """The life of a headless member; returns the exit status."""
    events: Events = SimpleQueue()
    listen_for_signals(events)
    in_background(events, lambda: follow(settings))
    event = events.get()
    if isinstance(event, Broken):
        say(event.reason)
        return 1
    return 0


def run_coordinator(settings: Settings, make_group: Callable[[Settings], Group]) -> int:
    """The life of the process that serves HTTP; returns the exit status."""
    events: Events = SimpleQueue()
    listen_for_signals(events)
    service = Service(lambda reason: events.put(Broken(reason)))
    try:
        http = HttpServer(settings.host, settings.port, make_handler(settings, service))
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        say(f"port {settings.port} is taken" if taken else f"cannot listen on {settings.host}: {error}")
        return 1
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    group: list[Group] = []
    in_background(events, lambda: load(settings, events, service, group, make_group))
    while isinstance(event := events.get(), Ready):
        listen_for_signals(events)  # again: ray.init has put handlers before ours that print a stack
        say(f"ready on {settings.host}:{http.server_port}, {describe_split(service)}")
    if isinstance(event, Broken):
        say(event.reason)
        service.enter("lost")
        service.wait_quiet(LAST_ANSWERS_S)
        return 1  # what is left of the group ends with this process
    drain(service, http, settings.grace)
    for one in group:
        one.close()
    return 0


def drain(service: Service, http: HttpServer, grace: float) -> None:
    """Takes no more requests, and gives the running ones `grace` seconds."""
    service.enter("draining")
    http.shutdown()
    http.server_close()
    if not service.wait_quiet(grace):
        service.cut()
        service.wait_quiet(LAST_ANSWERS_S)


def load(
    settings: Settings,
    events: Events,
    service: Service,
    made: list[Group],
    make_group: Callable[[Settings], Group],
) -> None:
    """Forms the group, watches it, answers once for practice, and opens the service."""
    group = make_group(settings)
    made.append(group)
    in_background(events, lambda: watch(group))
    time.sleep(settings.startup_delay)
    decoder = Decoder(settings.shape, group)
    list(decoder.generate(b"?", 1))
    service.open(decoder, group.describe())
    events.put(Ready())


def watch(group: Group) -> None:
    """Pings for ever; raises ShardLost when a shard has not answered."""
    while True:
        group.ping()
        time.sleep(PING_INTERVAL_S)


def describe_split(service: Service) -> str:
    """How the model is split, for people."""
    nodes = len({shard["node_id"] for shard in service.shards})
    return f"tensor-parallel {len(service.shards)} over {nodes} node{'s' if nodes > 1 else ''}"
