"""Scratch file: a path for libraries that read and write only files, also where no directory can be written to."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from evolink_mock.temporary_directory import PREFIX, claim


@contextmanager
def scratch_file(name: str) -> Iterator[Path]:
    """The path of a file of this process that is gone afterwards: in a temporary directory, or else in memory.

    Raises `OSError` where there is neither; only Linux has files in memory.
    """
    with ExitStack() as stack:
        try:
            home = Path(stack.enter_context(TemporaryDirectory(prefix=PREFIX)))
            if (lock := claim(home)) is not None:
                stack.callback(os.close, lock)
        except OSError:
            if not hasattr(os, "memfd_create"):
                raise
            descriptor = os.memfd_create(name)
            stack.callback(os.close, descriptor)
            yield Path(f"/proc/self/fd/{descriptor}")
        else:
            yield home / name
