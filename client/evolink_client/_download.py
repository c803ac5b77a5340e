"""A finished video, and the file that it is written to whole or not at all."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from evolink_client._calls import Calls
from evolink_client._clock import new_name
from evolink_client._errors import DownloadFailed, LinkExpired
from evolink_client._models import Task

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes so far and their total."""

_DEAD = (403, 404, 410)


def refusal_of(url: str, status: int) -> DownloadFailed:
    """The error for a link that gives no video."""
    if status in _DEAD:
        return LinkExpired(url, f"status {status}; links work for 24 hours after completion", status)
    return DownloadFailed(url, f"status {status}", status)


class Finished:
    """A finished task with its video's link, which works for 24 hours after completion."""

    def __init__(self, task: Task) -> None:
        self.task = task

    @property
    def url(self) -> str:
        """Of the first result; empty where there is none."""
        return self.task.results[0] if self.task.results else ""

    def asks(self, calls: Calls) -> dict[str, Any]:
        """The request for the video, as httpx takes it. Raises `DownloadFailed` where there is no link."""
        if not self.url:
            raise DownloadFailed(self.task.id, "the task has no result")
        # Without the key: the link is its own permission, and its host is another's.
        return {"method": "GET", "url": self.url, "follow_redirects": True, "timeout": calls.retries.timeout}


class Target:
    """Writes beside the file, and takes its place at the end; what is unfinished is removed."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = Path(path)
        self._scratch = self._path.with_name(f".{self._path.name[:200]}.{new_name()}.part")
        self._total: int | None = None
        self._size = 0

    def __enter__(self) -> Self:
        self._file = self._scratch.open("wb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._scratch.unlink(missing_ok=True)

    def expect(self, length: str | None) -> None:
        """What Content-Length says."""
        self._total = int(length) if length is not None and length.isascii() and length.isdigit() else None

    def write(self, chunk: bytes, progress: Progress | None) -> None:
        self._file.write(chunk)
        self._size += len(chunk)
        if progress is not None:
            progress(self._size, self._total)

    def finish(self, url: str) -> int:
        """Put the file in its place; its size."""
        if not self._size:
            raise DownloadFailed(url, "it is empty")
        self._file.close()
        self._scratch.replace(self._path)
        return self._size
