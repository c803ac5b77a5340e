"""Temporary directories, locked by their process: those that a killed process left are removed by the next one."""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir

PREFIX = "evolink-mock-"
_LOCK = ".lock"


def claim(directory: Path) -> int | None:
    """Lock a new directory for as long as this process runs; the descriptor of the lock, where the system has such."""
    try:
        import fcntl
    except ImportError:
        return None
    unlocked = directory / f"{_LOCK}.new"
    descriptor = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # Under this name it is locked from the beginning.
    unlocked.rename(directory / _LOCK)
    return descriptor


def remove_abandoned() -> None:
    """Remove the directories whose process has ended without doing so."""
    with suppress(OSError):
        for directory in Path(gettempdir()).glob(f"{PREFIX}*"):
            if _is_abandoned(directory / _LOCK):
                shutil.rmtree(directory, ignore_errors=True)


def _is_abandoned(lock: Path) -> bool:
    try:
        import fcntl

        # Not through a link, which another user may have laid there.
        descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    except (ImportError, OSError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
