"""How long and how often to measure."""

import sys
from typing import NamedTuple


class Plan(NamedTuple):
    """Loads of `seconds`, everything `repeats` times, worlds of up to `tasks`."""

    repeats: int
    seconds: int
    tasks: int
    starts: int
    calls: int
    """Of each kind in each repeat, in process."""
    deliveries: int


FULL = Plan(repeats=7, seconds=2, tasks=1_000_000, starts=9, calls=1000, deliveries=20_000)
PEERS = FULL._replace(repeats=5)
QUICK = Plan(repeats=2, seconds=1, tasks=100_000, starts=3, calls=300, deliveries=5_000)


def say(text: str) -> None:
    """Print progress to standard error."""
    print(text, file=sys.stderr, flush=True)
