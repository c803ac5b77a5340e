"""Rows of control calls as JSON, each redacted by the key of its own world, in slices between turns of other work."""

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import msgspec

from evolink_mock.clock import yield_to_loop
from evolink_mock.control.world_selection import show_identity
from evolink_mock.core.redaction import redact_in_steps
from evolink_mock.worlds.view import WorldView
from evolink_mock.worlds.world import World

log = logging.getLogger("evolink_mock")

_SLICE = 40_000
"""Bytes of rows that are encoded at a stretch: about two milliseconds' worth."""
_COST = 500
"""Bytes that each row counts beside its own."""

_encode = msgspec.json.Encoder().encode

Show: TypeAlias = Callable[[], object]
"""Makes a row, as JSON-ready values."""


class Redacted(NamedTuple):
    """The answer of a control call, in which no key of a world is left."""

    value: object


async def redact_large(text: bytes, key: str) -> bytes:
    """`redact` that never holds the event loop for long."""
    for done in redact_in_steps(text, key):
        if done is not None:
            return done
        await yield_to_loop()
    raise AssertionError


class RowWriter:
    """Encodes and redacts rows one after the other. A row that cannot be shown says so, and the others are shown."""

    def __init__(self, *, identified: bool = False) -> None:
        self._identified = identified
        """Whether each row names its world."""
        self._done = 0
        self.rows: list[msgspec.Raw] = []

    async def add(self, world: World, show: Show) -> None:
        self.rows.append(msgspec.Raw(await redact_large(self._encoded(world, show), world.key)))
        self._done += len(self.rows[-1]) + _COST
        if self._done >= _SLICE:
            self._done = 0
            await yield_to_loop()

    def _encoded(self, world: World, show: Show) -> bytes:
        try:
            row = show()
            return _encode(row | show_identity(world) if self._identified and isinstance(row, dict) else row)
        except Exception as error:
            log.exception("a row of a list cannot be shown")
            reason = f"this row cannot be shown ({type(error).__name__}); the emulator's log has the reason"
            return _encode({"error": reason, **show_identity(world)})


async def show_rows(rows: Iterable[tuple[World, Show]], *, identified: bool = False) -> list[msgspec.Raw]:
    """Rows with the worlds that they belong to. The iterable must not depend on anything that changes meanwhile."""
    writer = RowWriter(identified=identified)
    for world, show in rows:
        await writer.add(world, show)
    return writer.rows


async def show_worlds(worlds: Sequence[World], show: Callable[[World, WorldView], object]) -> list[msgspec.Raw]:
    """A row of each world, of its settled view."""
    writer = RowWriter()
    for world in worlds:
        await writer.add(world, partial(show, world, await world.settled_view()))
    return writer.rows


async def show_one(world: World, value: object) -> Redacted:
    """The answer of a call about one thing in one world."""
    return Redacted(msgspec.Raw(await redact_large(_encode(value), world.key)))
