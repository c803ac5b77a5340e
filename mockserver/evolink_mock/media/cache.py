"""LRU file cache, limited by total size."""

import logging
import os
import re
import shutil
from collections import OrderedDict
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock
from typing import NamedTuple
from weakref import finalize

from evolink_mock.atomic_write import atomic_write
from evolink_mock.temporary_directory import PREFIX, claim, remove_abandoned

log = logging.getLogger("evolink_mock")

IN_MEMORY = 128 * 1024 * 1024
"""The most bytes of files that are kept in memory, where there is no directory for them."""


_SCRATCH = re.compile(r"\.\w+\.\d+|\w+\.half")
"""Names of files that are being written, by this version and by earlier ones."""


def digest_of(content: bytes) -> str:
    return sha256(content).hexdigest()


class StoredFile(NamedTuple):
    """A file of the cache, of which parts can be read."""

    size: int
    source: Path | bytes

    def read(self, first: int, length: int) -> bytes:
        """`length` bytes from number `first` on. Raises `OSError` where the file is no longer kept."""
        if isinstance(self.source, bytes):
            return self.source[first : first + length]
        with self.source.open("rb", buffering=0) as file:
            file.seek(first)
            return file.read(length)


class FileCache:
    """Files by name in `directory`, or in a temporary one. Safe for threads; survives a crash.

    Where no temporary directory can be written to, as on a read-only disk, they are kept in memory.
    """

    def __init__(self, directory: Path | None, limit: int) -> None:
        self._directory = directory
        self._limit = limit
        self._lock = Lock()
        self._sizes: OrderedDict[str, int] | None = None
        self._contents: dict[str, bytes] = {}
        """The files that are kept in memory."""
        self._temporary = directory is None
        self._in_memory = False
        self._failing = False
        """Whether the last file could not be written, which is logged once."""
        if directory is not None and directory.is_dir():
            self._known()  # What a killed process left is removed at the start.

    def put(self, name: str, content: bytes) -> None:
        """Keep a file under a name of hexadecimal digits. Raises `OSError` for a `directory` that was given."""
        home, sizes = self._home(), self._known()
        with self._lock:
            if name not in sizes:
                self._write(home, name, content)
            sizes[name] = len(content)
            sizes.move_to_end(name)
            while sum(sizes.values()) > self._limit and len(sizes) > 1:
                oldest, _ = sizes.popitem(last=False)
                self._contents.pop(oldest, None)
                if home is not None:
                    (home / oldest).unlink(missing_ok=True)

    def get(self, name: str) -> bytes | None:
        home, sizes = self._home(), self._known()
        with self._lock:
            if name not in sizes:
                return None
            sizes.move_to_end(name)
            if name in self._contents or home is None:
                return self._contents.get(name)
            try:
                return (home / name).read_bytes()
            except OSError:
                del sizes[name]
                return None

    def find(self, name: str) -> StoredFile | None:
        """A file to be read in parts."""
        home, sizes = self._home(), self._known()
        with self._lock:
            if name not in sizes:
                return None
            sizes.move_to_end(name)
            if name in self._contents:
                return StoredFile(sizes[name], self._contents[name])
            return None if home is None else StoredFile(sizes[name], home / name)

    def _home(self) -> Path | None:
        """The directory, or `None` if files are kept in memory from the beginning."""
        with self._lock:
            if self._directory is None:
                if self._in_memory:
                    return None
                try:
                    self._directory = Path(mkdtemp(prefix=PREFIX))
                except OSError as error:
                    self._stay_in_memory(error)
                    return None
                finalize(self, _remove, self._directory, claim(self._directory))
                remove_abandoned()
            if not self._in_memory:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._directory

    def _write(self, home: Path | None, name: str, content: bytes) -> None:
        if home is not None and not self._in_memory:
            try:
                atomic_write(home / name, content, 0o600)
            except OSError as error:
                if not self._temporary:
                    if not self._failing:
                        log.error("cannot keep files in %s: %s", home, error.strerror or error)
                    self._failing = True
                    raise
                self._stay_in_memory(error)
            else:
                self._failing = False
                return
        self._contents[name] = content

    def _stay_in_memory(self, error: OSError) -> None:
        self._in_memory = True
        self._limit = min(self._limit, IN_MEMORY)
        log.warning(
            "files are kept in memory, up to %d MiB: %s; TMPDIR names a directory for them",
            self._limit // 2**20,
            error.strerror or error,
        )

    def _known(self) -> "OrderedDict[str, int]":
        home = self._home()
        with self._lock:
            if self._sizes is None and home is None:
                self._sizes = OrderedDict()
            elif self._sizes is None and home is not None:
                self._sizes = _found(home)
            assert self._sizes is not None
            return self._sizes


def _found(home: Path) -> "OrderedDict[str, int]":
    """The files in a directory, oldest first, from now on for their owner alone.

    Others are removed that are not whole: a process ended while it wrote them.
    """
    home.chmod(0o700)
    files = [entry for entry in os.scandir(home) if entry.is_file(follow_symlinks=False)]
    for entry in files:
        if _SCRATCH.fullmatch(entry.name):
            Path(entry).unlink(missing_ok=True)
    whole = sorted((entry for entry in files if entry.name.isalnum()), key=lambda entry: entry.stat().st_mtime)
    for entry in whole:
        Path(entry).chmod(0o600)
    return OrderedDict((entry.name, entry.stat().st_size) for entry in whole)


def _remove(directory: Path, lock: int | None) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    if lock is not None:
        os.close(lock)
