"""Download of a finished video to a file, completely or not at all."""

import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import httpx

from evolink_client._calls import Calls
from evolink_client._clock import new_name
from evolink_client._config import time_outs
from evolink_client._errors import DownloadFailed, LinkExpired
from evolink_client._exchange import with_cause
from evolink_client._http.body import IDENTITY, BodyRefused
from evolink_client._http.limits import Downloads
from evolink_client._models import Task

Progress: TypeAlias = Callable[[int, int | None], None]
"""A function that is called with the bytes so far and the total, if it is known."""

_DEAD = (403, 404, 410)


MAX_REDIRECTS = 20


def lost_at(url: str, error: Exception, limits: Downloads) -> DownloadFailed:
    """The error for a download that ended by an error of the exchange."""
    if isinstance(error, BodyRefused):
        return DownloadFailed(url, f"the body {error} (downloads=Downloads(size={limits.size}))")
    return DownloadFailed(url, with_cause(str(error) or type(error).__name__, url))


def late(url: str, limits: Downloads) -> DownloadFailed:
    """The error for a download that took too long."""
    return DownloadFailed(url, f"it took longer than {limits.timeout:g} s (downloads=Downloads(timeout=…))")


@contextmanager
def following(client: httpx.Client, asks: Mapping[str, Any]) -> Iterator[httpx.Response]:
    """The response at the end of all redirects, whose bodies are not read: httpx would read them without a limit."""
    request = client.build_request(**asks)
    for _ in range(MAX_REDIRECTS + 1):
        response = client.send(request, stream=True, follow_redirects=False)
        try:
            if response.next_request is None:
                yield response
                return
            request = response.next_request
        finally:
            response.close()
    raise httpx.TooManyRedirects(_LOST_WAY)


@asynccontextmanager
async def async_following(client: httpx.AsyncClient, asks: Mapping[str, Any]) -> AsyncIterator[httpx.Response]:
    """Like `following`."""
    request = client.build_request(**asks)
    for _ in range(MAX_REDIRECTS + 1):
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            if response.next_request is None:
                yield response
                return
            request = response.next_request
        finally:
            await response.aclose()
    raise httpx.TooManyRedirects(_LOST_WAY)


_LOST_WAY = f"it is redirected more than {MAX_REDIRECTS} times"


def refusal_of(url: str, status: int) -> DownloadFailed:
    """The error for a response to a download other than 200."""
    if status in _DEAD:
        return LinkExpired(url, f"status {status}; links work for 24 hours after completion", status)
    return DownloadFailed(url, f"status {status}", status)


class Finished:
    """A finished task with the link to its video, which is valid for 24 hours after completion."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def __repr__(self) -> str:
        return f"{type(self).__name__}(url={self.url!r}, task={self.task!r})"

    @property
    def url(self) -> str:
        """The link of the first result; empty if there is no result."""
        return self.task.results[0] if self.task.results else ""

    def asks(self, calls: Calls) -> dict[str, Any]:
        """The arguments with which httpx requests the video. Raises `DownloadFailed` if there is no link."""
        if not self.url:
            raise DownloadFailed(self.task.id, "the task has no result")
        # Without the API key: the link needs none, and its host belongs to a third party.
        timeout = time_outs(min(calls.retries.timeout, calls.downloads.timeout))
        return {"method": "GET", "url": self.url, "headers": IDENTITY, "timeout": timeout}


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

    def expect(self, response: httpx.Response) -> None:
        """Set the total from the Content-Length of a body that is not compressed."""
        length = response.headers.get("content-length", "")
        known = re.fullmatch("[0-9]{1,18}", length) and not response.headers.get("content-encoding")
        self._total = int(length) if known else None

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
