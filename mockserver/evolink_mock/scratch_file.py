"""Scratch file: a path for libraries that read and write only files, also where no directory can be written to."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def scratch_file(name: str) -> Iterator[Path]:
    """The path of a file of this process that is gone afterwards: in a temporary directory, or else in memory.

    Raises `OSError` where there is neither; only Linux has files in memory.
    """
    with ExitStack() as stack:
        try:
            home = stack.enter_context(TemporaryDirectory())
        except OSError:
            if not hasattr(os, "memfd_create"):
                raise
            descriptor = os.memfd_create(name)
            stack.callback(os.close, descriptor)
            yield Path(f"/proc/self/fd/{descriptor}")
        else:
            yield Path(home) / name
