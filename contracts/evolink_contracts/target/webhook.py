"""A receiver of callbacks that answers as the URL says, and notes what came: https://hook.example.com/a/500,302,200."""

import re
from collections import deque
from collections.abc import Callable
from threading import Lock

from evolink_contracts.spec.wire import Seconds
from evolink_contracts.target.transports import Message, Receive, Scope, Send
from evolink_contracts.trace.events import Attempt, Outcome

ORIGIN = "https://hook.example.com"
UNKNOWN = float("nan")
"""When an attempt arrived that has not been told the time yet."""
ABORT = "evolink.abort"
"""The extension of ASGI by which a server lets a connection be reset."""
_MAX_BODY = 1 << 20


class Hook:
    """An ASGI application. The n-th attempt at a URL gets the n-th word of its last segment, or else the last one.

    A word is a status; `timeout`, which answers nothing until the sender leaves; or `reset`. `wall` tells the time,
    where there is one to tell. One that is `public` can be found by anybody: it hears only what comes to a directory
    that was given out, and counts the rest as `strangers`, who get 404.
    """

    def __init__(
        self, origin: str = ORIGIN, wall: Callable[[], Seconds] = lambda: UNKNOWN, *, public: bool = False
    ) -> None:
        self.origin = origin
        self.public = public
        self.strangers = 0
        self._given = re.compile(rf"{re.escape(origin)}/([^/?#\"\\\s]+)")
        self._known: set[str] = set()
        self._wall = wall
        self._lock = Lock()
        self._arrived: list[Attempt] = []
        self._counts: dict[str, int] = {}
        self._next: deque[Outcome] = deque()

    def give(self, text: str) -> None:
        """The directories of this hook's URLs in a text are known from here on, until it forgets."""
        with self._lock:
            self._known.update(self._given.findall(text))

    def answer(self, outcome: Outcome) -> None:
        """What the next attempt gets that nothing is waiting for yet, wherever it comes to."""
        with self._lock:
            self._next.append(outcome)

    def take(self, at: Seconds | None = None) -> list[Attempt]:
        """What is over since it was last asked for; at this moment of another clock, where one is given."""
        with self._lock:
            arrived, self._arrived = self._arrived, []
        if at is None:
            return sorted(arrived, key=lambda attempt: attempt.at)
        return [Attempt(at, a.url, a.body, a.outcome, a.took, a.method, a.headers) for a in arrived]

    def forget(self) -> None:
        """Begin anew, for another service or another history."""
        with self._lock:
            self._arrived.clear()
            self._known.clear()
            self._counts.clear()
            self._next.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        at = self._wall()
        body = await _body(receive)
        path = scope.get("raw_path") or scope["path"].encode()
        query = scope.get("query_string", b"")
        target = (path + (b"?" + query if query else b"")).decode("latin-1")
        if self._strange(target):
            await _answer(send, 404)
            return
        word = self._next_word(target)
        if word == "timeout":
            while (await receive())["type"] != "http.disconnect":
                pass
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        url, took = f"{self.origin}{target}", self._wall() - at if word == "timeout" else 0.0
        with self._lock:
            attempt = Attempt(at, url, body.decode("utf-8", "replace"), word, took, scope["method"], headers)
            self._arrived.append(attempt)
        if word == "reset":
            scope["extensions"][ABORT]()
        elif word != "timeout":
            await _answer(send, word)

    def _strange(self, target: str) -> bool:
        with self._lock:
            strange = self.public and target.partition("?")[0].removeprefix("/").partition("/")[0] not in self._known
            self.strangers += strange
        return strange

    def _next_word(self, target: str) -> Outcome:
        words = target.partition("?")[0].rpartition("/")[2].split(",")
        with self._lock:
            count = self._counts[target] = self._counts.get(target, 0) + 1
            if self._next:
                return self._next.popleft()
        word = words[min(count, len(words)) - 1]
        if word in ("timeout", "reset"):
            return "timeout" if word == "timeout" else "reset"
        return int(word) if word.isdecimal() and 200 <= int(word) <= 599 else 200


async def _answer(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def _body(receive: Receive) -> bytes:
    """Of a request, its beginning where it is too long to be a callback's."""
    body = b""
    message: Message = {"more_body": True}
    while message.get("more_body", False):
        message = await receive()
        body = (body + message.get("body", b""))[:_MAX_BODY]
    return body
