"""Which core the measured process runs on, and which one the load comes from."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_ALL = sorted(os.sched_getaffinity(0))
SERVER_CORE = _ALL[0]
LOAD_CORE = _ALL[-1]


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Whatever is started meanwhile stays on this core: a child inherits where its parent may run."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def move(pid: int, core: int) -> None:
    os.sched_setaffinity(pid, {core})
