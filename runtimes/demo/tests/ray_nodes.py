"""Two Ray nodes on loopback, as child processes, and their certain end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import support

RAY = Path(sys.executable).with_name("ray")
STOP_S = 10.0
Process = tuple[int, str]  # pid and start time: a pid alone may be used again


class RayNode:
    """One `ray start --block` and all that comes from it."""

    def __init__(self, *args: str) -> None:
        # Of two nodes on one host each would give its workers the ports from 10002 on, and one of them would get none.
        ports = ("--min-worker-port=0", "--max-worker-port=0")
        common = ("--num-cpus=1", "--object-store-memory=100000000", "--disable-usage-stats", "--block", *ports)
        self.root = subprocess.Popen(
            [str(RAY), "start", *args, *common],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self) -> None:
        """Ends the node at once, as a machine that loses power: every process of it."""
        for process in [(self.root.pid, start_time(self.root.pid)), *descendants(self.root.pid)]:
            signal_process(process, signal.SIGKILL)
        self.root.wait()

    def stop(self) -> None:
        """Asks it to stop, then makes sure."""
        tree = descendants(self.root.pid)
        self.root.terminate()
        try:
            self.root.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.root.kill()
            self.root.wait()
        for process in tree:
            signal_process(process, signal.SIGKILL)


class RayPair:
    """A head and a worker, one CPU each."""

    def __init__(self, cleanup: Callable[..., Any]) -> None:
        self.folder = tempfile.mkdtemp(prefix="md", dir="/tmp")  # short: Ray puts socket paths of 107 bytes below
        cleanup(shutil.rmtree, self.folder, ignore_errors=True)
        port = support.free_port()
        self.address = f"127.0.0.1:{port}"
        self.head = RayNode("--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={self.folder}")
        cleanup(self.head.stop)
        support.connect(port).close()
        self.worker = RayNode(f"--address={self.address}")
        cleanup(self.worker.stop)


def descendants(root: int) -> list[Process]:
    """All processes below `root`, its children first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := stat_fields(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, level = [], [root]
    while level:
        level = [child for parent in level for child in children.get(parent, [])]
        found += level
    return [(pid, start_time(pid)) for pid in found]


def stat_fields(pid: int) -> list[str]:
    """/proc/<pid>/stat after the name: state, parent, ...; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def start_time(pid: int) -> str:
    """When the process began, in clock ticks since boot; empty when it is gone."""
    fields = stat_fields(pid)
    return fields[19] if fields else ""


def signal_process(process: Process, number: int) -> None:
    """Signals exactly this process, if it is still there."""
    pid, began = process
    if began and start_time(pid) == began:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def wait_gone(pid: int, seconds: float) -> bool:
    """Waits until a process that is not ours has ended."""
    deadline = time.monotonic() + seconds
    while stat_fields(pid)[:1] not in ([], ["Z"]):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
