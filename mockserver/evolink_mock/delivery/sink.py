"""A receiver inside the emulator that answers as its URL says: https://sink.mock/500,timeout,200."""

import asyncio
from urllib.parse import urlsplit

from evolink_mock.core.delivery import ATTEMPT_ERRORS, AttemptError, AttemptResult
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.delivery.transport import AttemptRequest
from evolink_mock.worlds.journal import InboxEntry

_NEVER_ARRIVES: tuple[AttemptError, ...] = ("refused", "unreachable", "dns", "tls", "blocked", "crashed")


class SinkTransport:
    """Answers the n-th attempt of a delivery with the n-th word of the path; the last word goes for all that follow."""

    async def send(self, posting: AttemptRequest) -> AttemptResult:
        words = urlsplit(posting.destination.url).path.strip("/").split(",")
        word = words[min(posting.attempt, len(words)) - 1].strip() or "200"
        outcome = _outcome(word)
        world = posting.world
        if world is not None and outcome.error not in _NEVER_ARRIVES:
            answered = outcome.excerpt or word
            now = world.clock.now()
            world.inbox.append(
                InboxEntry(now, posting.task, posting.destination.url, posting.attempt, posting.body, answered)
            )
        if outcome.error == "timeout" and world is not None and world.clock.mode == "real":
            await asyncio.Event().wait()
        return outcome

    async def close(self) -> None:
        """Nothing is open."""


def _outcome(word: str) -> AttemptResult:
    if word.isascii() and word.isdigit() and 100 <= int(word) <= 599:
        return AttemptResult(int(word))
    for fault in ATTEMPT_ERRORS:
        if word == fault:
            return AttemptResult(error=fault, detail="as scripted")
    return AttemptResult(
        404, excerpt=unknown_name("word of a sink's script (a status, or a fault)", word, tuple(ATTEMPT_ERRORS))
    )
