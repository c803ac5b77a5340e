"""Download of a finished video to a file, completely or not at all."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from evolink_client._calls import Calls
from evolink_client._clock import new_name
from evolink_client._errors import DownloadFailed, LinkExpired
from evolink_client._models import Task

Progress: TypeAlias = Callable[[int, int | None], None]
"""A function that is called with the bytes so far and the total, if it is known."""

_DEAD = (403, 404, 410)


def refusal_of(url: str, status: int) -> DownloadFailed:
    """The error for a response to a download other than 200."""
    if status in _DEAD:
        return LinkExpired(url, f"status {status}; links work for 24 hours after completion", status)
    return DownloadFailed(url, f"status {status}", status)


class Finished:
    """A finished task with the link to its video, which is valid for 24 hours after completion."""

    def __init__(self, task: Task) -> None:
        self.task = task

    @property
    def url(self) -> str:
        """The link of the first result; empty if there is no result."""
        return self.task.results[0] if self.task.results else ""

    def asks(self, calls: Calls) -> dict[str, Any]:
        """The arguments with which httpx requests the video. Raises `DownloadFailed` if there is no link."""
        if not self.url:
            raise DownloadFailed(self.task.id, "the task has no result")
        # Without the API key: the link needs none, and its host belongs to a third party.
        return {"method": "GET", "url": self.url, "follow_redirects": True, "timeout": calls.retries.timeout}


class Target:
    """Writes to a temporary file beside the target, and renames it when it is complete; otherwise removes it."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = Path(path)
        # Names are limited in bytes.
        beginning = os.fsencode(self._path.name)[:200].decode("utf-8", "ignore")
        self._scratch = self._path.with_name(f".{beginning}.{new_name()}.part")
        self._total: int | None = None
        self._size = 0

    def __enter__(self) -> Self:
        self._file = self._scratch.open("wb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # What is left in the buffer is not needed.
            self._file.close()
        self._scratch.unlink(missing_ok=True)

    def expect(self, length: str | None) -> None:
        """Set the total from a Content-Length header."""
        self._total = int(length) if length is not None and length.isascii() and length.isdigit() else None

    def write(self, chunk: bytes, progress: Progress | None) -> None:
        with self._named():
            self._file.write(chunk)
        self._size += len(chunk)
        if progress is not None:
            progress(self._size, self._total)

    def finish(self, url: str) -> int:
        """Move the file to its place and return its size. Raises `DownloadFailed` if it is empty."""
        if not self._size:
            raise DownloadFailed(url, "it is empty")
        with self._named():
            self._file.close()
        self._scratch.replace(self._path)
        return self._size

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Name the file in an error, as a write does not."""
        try:
            yield
        except OSError as error:
            error.filename = error.filename or str(self._path)
            raise
