"""LRU file cache, limited by total size."""

import os
import shutil
from collections import OrderedDict
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock
from weakref import finalize

from evolink_mock.atomic_write import atomic_write


def digest_of(content: bytes) -> str:
    return sha256(content).hexdigest()


class FileCache:
    """Files by name in `directory`, or in a temporary one. Safe for threads; survives a crash."""

    def __init__(self, directory: Path | None, limit: int) -> None:
        self._directory = directory
        self._limit = limit
        self._lock = Lock()
        self._sizes: OrderedDict[str, int] | None = None

    def put(self, name: str, content: bytes) -> None:
        """Keep a file under a name of hexadecimal digits."""
        home, sizes = self._home(), self._known()
        with self._lock:
            if name not in sizes:
                atomic_write(home / name, content)
            sizes[name] = len(content)
            sizes.move_to_end(name)
            while sum(sizes.values()) > self._limit and len(sizes) > 1:
                oldest, _ = sizes.popitem(last=False)
                (home / oldest).unlink(missing_ok=True)

    def get(self, name: str) -> bytes | None:
        home, sizes = self._home(), self._known()
        with self._lock:
            if name not in sizes:
                return None
            sizes.move_to_end(name)
            try:
                return (home / name).read_bytes()
            except OSError:
                del sizes[name]
                return None

    def _home(self) -> Path:
        with self._lock:
            if self._directory is None:
                self._directory = Path(mkdtemp(prefix="evolink-mock-"))
                finalize(self, shutil.rmtree, self._directory, ignore_errors=True)
            self._directory.mkdir(parents=True, exist_ok=True)
            return self._directory

    def _known(self) -> "OrderedDict[str, int]":
        home = self._home()
        with self._lock:
            if self._sizes is None:
                there = sorted(
                    (entry for entry in os.scandir(home) if entry.is_file()), key=lambda e: e.stat().st_mtime
                )
                # Others are not whole: a process ended while it wrote them.
                self._sizes = OrderedDict((e.name, e.stat().st_size) for e in there if e.name.isalnum())
            return self._sizes
