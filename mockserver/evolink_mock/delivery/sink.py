"""Scripted receiver inside the emulator, which answers as its URL says: https://sink.mock/500,timeout,200."""

import asyncio
from urllib.parse import urlsplit

from evolink_mock.core.delivery import ATTEMPT_ERRORS, AttemptError, AttemptResult
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.delivery.transport import AttemptRequest
from evolink_mock.worlds.journal import InboxEntry

_NEVER_ARRIVES: tuple[AttemptError, ...] = ("refused", "unreachable", "dns", "tls", "blocked", "crashed")


class SinkTransport:
    """Answers the n-th attempt of a delivery with the n-th word of the path, and all further ones with the last."""

    async def send(self, request: AttemptRequest) -> AttemptResult:
        url = request.destination.url
        words = urlsplit(url).path.strip("/").split(",")
        word = words[min(request.attempt, len(words)) - 1].strip() or "200"
        result = _result(word)
        world = request.world
        if world is not None and result.error not in _NEVER_ARRIVES:
            answer = result.excerpt or word
            world.inbox.append(InboxEntry(world.clock.now(), request.task, url, request.attempt, request.body, answer))
        if result.error == "timeout" and world is not None and world.clock.mode == "real":
            await asyncio.Event().wait()
        return result

    async def close(self) -> None:
        """Nothing is open."""


def _result(word: str) -> AttemptResult:
    if word.isascii() and word.isdigit() and 100 <= int(word) <= 599:
        return AttemptResult(int(word))
    for error in ATTEMPT_ERRORS:
        if word == error:
            return AttemptResult(error=error, detail="as scripted")
    return AttemptResult(
        404, excerpt=unknown_name("word of a sink's script (a status, or a fault)", word, tuple(ATTEMPT_ERRORS))
    )
