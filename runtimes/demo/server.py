"""Starts the demo server; see README.md beside this file."""

from __future__ import annotations

import os
import sys

# The matrices are tiny: threads inside numpy would only get in each other's way. Must precede its import.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from demo_server.group import Group, StartupError
from demo_server.lifecycle import run_coordinator, run_member
from demo_server.settings import Settings, parse_settings
from demo_server.tcp_group import TcpGroup
from demo_server.tcp_member import follow


def run(argv: list[str]) -> int:
    """Serves until told to stop or until the model is lost; returns the exit status."""
    settings = parse_settings(argv)
    if settings.is_headless:
        return run_member(settings, follow)
    return run_coordinator(settings, make_group)


def make_group(settings: Settings) -> Group:
    """The group of the chosen mode. Ray is imported only here, so native mode runs without it."""
    if settings.native is not None:
        return TcpGroup(settings)
    try:
        from demo_server.ray_group import RayGroup
    except ModuleNotFoundError as error:
        raise StartupError(f"{error}; Ray mode needs requirements.txt, native mode (--nnodes) does not") from error
    return RayGroup(settings)


if __name__ == "__main__":
    status = run(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # without waiting for Ray's threads, or for clients that keep their connections open
