"""A receiver inside the emulator that answers as its URL says: https://sink.mock/500,timeout,200."""

import asyncio
from urllib.parse import urlsplit

from evolink_mock.core.delivery import FAULTS, Fault, Outcome
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.delivery.transport import Posting
from evolink_mock.worlds.journal import Received

_NEVER_ARRIVES: tuple[Fault, ...] = ("refused", "unreachable", "dns", "tls", "blocked", "crashed")


class Sink:
    """Answers the n-th attempt of a delivery with the n-th word of the path; the last word goes for all that follow."""

    async def send(self, posting: Posting) -> Outcome:
        words = urlsplit(posting.way.url).path.strip("/").split(",")
        word = words[min(posting.attempt, len(words)) - 1].strip() or "200"
        outcome = _outcome(word)
        world = posting.world
        if world is not None and outcome.fault not in _NEVER_ARRIVES:
            answered = outcome.excerpt or word
            now = world.clock.now()
            world.inbox.append(Received(now, posting.task, posting.way.url, posting.attempt, posting.body, answered))
        if outcome.fault == "timeout" and world is not None and world.clock.mode == "real":
            await asyncio.Event().wait()
        return outcome

    async def close(self) -> None:
        """Nothing is open."""


def _outcome(word: str) -> Outcome:
    if word.isascii() and word.isdigit() and 100 <= int(word) <= 599:
        return Outcome(int(word))
    for fault in FAULTS:
        if word == fault:
            return Outcome(fault=fault, detail="as scripted")
    return Outcome(404, excerpt=unknown_name("word of a sink's script (a status, or a fault)", word, tuple(FAULTS)))
