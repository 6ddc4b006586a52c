"""What the server says to people: single lines on stderr."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """Prints one line, marked as ours; any further lines of `line` are left out."""
    first = line.splitlines()[0] if line else ""
    print(f"demo: {first}", file=sys.stderr, flush=True)
