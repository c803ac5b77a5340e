"""Transport protocol: sends one attempt and returns its result."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from evolink_mock.core.callback_routes import Destination
from evolink_mock.core.delivery import AttemptResult
from evolink_mock.core.redaction import LONGEST_SPELLING, redact
from evolink_mock.worlds.world import World

KEPT_ANSWER = 512
"""Characters of a receiver's response, or of an error message, that the record keeps."""


class AttemptRequest(NamedTuple):
    """One attempt: JSON to be posted to a destination. `attempt` counts from 1.

    `world` is for the receiver inside the emulator, which keeps what arrives in that world's inbox.
    """

    destination: Destination
    headers: Mapping[str, str]
    body: bytes
    task: str
    attempt: int
    world: World | None
    keep_open: bool = False
    """Whether more attempts follow at the same receiver."""


def excerpt(text: bytes, request: AttemptRequest) -> str:
    """The beginning of a receiver's response. A key that the cut would split is redacted first."""
    if len(text) > KEPT_ANSWER and request.world is not None:
        key = request.world.key
        text = redact(text[: KEPT_ANSWER * 4 + LONGEST_SPELLING * len(key)], key)
    return text[: KEPT_ANSWER * 4].decode("utf-8", "replace")[:KEPT_ANSWER]


def is_cancelled(error: BaseException) -> bool:
    """Whether an error is the cancellation of the task that runs now, and not one that a receiver raised."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


class ResourcesExhausted(Exception):
    """This machine, not the receiver, prevented an attempt: no descriptor, port or buffer was free."""


_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
_RESOLVER_EXHAUSTED = frozenset(
    code for name in ("EAI_MEMORY", "EAI_SYSTEM") if (code := getattr(socket, name, None)) is not None
)


def is_exhaustion(error: BaseException) -> bool:
    """Whether an error says that this machine lacks a descriptor, a port or memory."""
    if isinstance(error, socket.gaierror):
        return error.errno in _RESOLVER_EXHAUSTED
    return isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno in _EXHAUSTED


class Transport(Protocol):
    """Sends attempts. The caller limits their time; every failure of a receiver is a result, never an exception.

    `ResourcesExhausted` says that nothing was sent, and that the attempt does not count.
    """

    async def send(self, request: AttemptRequest) -> AttemptResult: ...
    async def close(self) -> None: ...


class LazyTransport:
    """A transport that is made when it is first needed, since importing aiohttp takes longer than everything else.

    It is made in a thread, so that requests do not wait for that.
    """

    def __init__(self, make: Callable[[], Transport]) -> None:
        self._make = make
        self._making = asyncio.Lock()
        self._made: Transport | None = None

    async def prepare(self) -> Transport:
        async with self._making:
            if self._made is None:
                self._made = await asyncio.to_thread(self._make)
        return self._made

    async def send(self, request: AttemptRequest) -> AttemptResult:
        return await (self._made or await self.prepare()).send(request)

    async def close(self) -> None:
        if self._made is not None:
            await self._made.close()
