"""What carries an attempt: one method, attempt in, outcome out."""

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from evolink_mock.core.callback_routes import Destination
from evolink_mock.core.delivery import AttemptResult
from evolink_mock.core.redaction import LONGEST_SPELLING, redact
from evolink_mock.worlds.world import World

KEPT_ANSWER = 512
"""Characters of a receiver's answer, or of an error's text, that the record keeps."""
READ_ANSWER = 64 * 1024
"""Bytes of an answer that are read; a longer one has said enough, and its status counts."""


class AttemptRequest(NamedTuple):
    """One attempt: JSON to be posted along a way. `attempt` counts from 1; `world` is for receivers inside one."""

    destination: Destination
    headers: Mapping[str, str]
    body: bytes
    task: str
    attempt: int
    world: World | None
    keep_open: bool = False
    """Whether there is more to come for the same receiver."""


def excerpt(text: bytes, posting: AttemptRequest) -> str:
    """The beginning of what a receiver said. A key that the cut would split is redacted first."""
    if len(text) > KEPT_ANSWER and posting.world is not None:
        key = posting.world.key
        text = redact(text[: KEPT_ANSWER * 4 + LONGEST_SPELLING * len(key)], key)
    return text[: KEPT_ANSWER * 4].decode("utf-8", "replace")[:KEPT_ANSWER]


class Transport(Protocol):
    """Carries attempts. Who calls limits the time of each; whatever the receiver does is an outcome, never an error."""

    async def send(self, posting: AttemptRequest) -> AttemptResult: ...
    async def close(self) -> None: ...


class LazyTransport:
    """A transport that is made when it is first needed: to import aiohttp takes longer than all the rest.

    It is made in a thread, so that requests need not wait for that.
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

    async def send(self, posting: AttemptRequest) -> AttemptResult:
        return await (self._made or await self.prepare()).send(posting)

    async def close(self) -> None:
        if self._made is not None:
            await self._made.close()
