"""Scripted receiver inside the emulator, which answers as its URL says: https://sink.mock/500,timeout,200."""

import asyncio
from urllib.parse import urlsplit

from evolink_mock.core.delivery import ATTEMPT_ERRORS, AttemptError, AttemptResult
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.delivery.transport import AttemptRequest
from evolink_mock.worlds.journal import InboxEntry

_NEVER_ARRIVES: tuple[AttemptError, ...] = ("refused", "unreachable", "dns", "tls", "blocked", "crashed")

_AS_SCRIPTED = "as scripted"


class SinkTransport:
    """Answers the n-th attempt of a delivery with the n-th word of the path, and all further ones with the last."""

    async def send(self, request: AttemptRequest) -> AttemptResult:
        url = request.destination.url
        words = _words(url)
        word = words[min(request.attempt, len(words)) - 1]
        result = _result(word)
        if request.attempt == 1 and result.error is None and not result.detail:
            # Also of a word that no attempt may reach.
            result = result._replace(detail=mistake(url))
        world = request.world
        if world is not None and result.error not in _NEVER_ARRIVES:
            answer = result.excerpt or word
            world.inbox.append(InboxEntry(world.clock.now(), request.task, url, request.attempt, request.body, answer))
        if result.error == "timeout" and world is not None and world.clock.mode == "real":
            await asyncio.Event().wait()
        return result

    async def close(self) -> None:
        """Nothing is open."""


def mistake(url: str) -> str:
    """A sentence about the first unknown word of a script; empty if it has none."""
    unknown = ((place, says) for place, word in enumerate(_words(url), 1) if (says := _result(word).detail))
    place, says = next(((place, says) for place, says in unknown if says != _AS_SCRIPTED), (0, ""))
    return f"word {place} of the script: {says}" if says else ""


def _words(url: str) -> list[str]:
    return [word.strip() or "200" for word in urlsplit(url).path.strip("/").split(",")]


def _result(word: str) -> AttemptResult:
    if word.isascii() and word.isdigit() and 100 <= int(word) <= 599:
        return AttemptResult(int(word))
    for error in ATTEMPT_ERRORS:
        if word == error:
            return AttemptResult(error=error, detail=_AS_SCRIPTED)
    says = unknown_name("word of a sink's script (a status, or a fault)", word, tuple(ATTEMPT_ERRORS))
    return AttemptResult(404, detail=says, excerpt=says)
