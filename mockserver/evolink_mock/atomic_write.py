"""Writes a file whole or not at all, so that no reader ever sees half of it."""

import os
from pathlib import Path


def atomic_write(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file with this mode, less the process's umask, and put it in the place of any that is there.

    The content goes to a file beside it first, whose name begins with a dot and ends in this process's number.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)  # On a full disk, half a file would make it fuller.
        raise
