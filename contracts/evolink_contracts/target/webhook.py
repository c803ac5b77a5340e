"""Webhook receiver: an ASGI application that answers callbacks as their URL says, and records them."""

import re
from collections import deque
from collections.abc import Callable
from threading import Lock

from evolink_contracts.spec.wire import Seconds
from evolink_contracts.target.transports import Message, Receive, Scope, Send
from evolink_contracts.trace.events import Attempt, Outcome

ORIGIN = "https://hook.example.com"
UNKNOWN = float("nan")
"""The time of an attempt before a clock of the service was read."""
ABORT = "evolink.abort"
"""The ASGI extension by which a server lets the application reset a connection."""
_MAX_BODY = 1 << 20


class Webhook:
    """An ASGI application. The n-th attempt at `https://hook.example.com/a/500,302,200` gets the n-th outcome of the
    last path segment, or else its last one.

    An outcome is a status; `timeout`, which answers nothing until the sender disconnects; or `reset`. `clock` gives the
    time of an attempt. A `public` webhook can be found by anyone: it records only requests to directories that were
    registered, and answers all others with 404; `unknown_requests` counts those.
    """

    def __init__(
        self, origin: str = ORIGIN, clock: Callable[[], Seconds] = lambda: UNKNOWN, *, public: bool = False
    ) -> None:
        self.origin = origin
        self.address = "the kit's receiver"
        """The place where it receives callbacks, as a message names it."""
        self.public = public
        self.unknown_requests = 0
        self._own_url = re.compile(rf"{re.escape(origin)}/([^/?#\"\\\s]+)")
        self._registered: set[str] = set()
        self._clock = clock
        self._lock = Lock()
        self._arrived: list[Attempt] = []
        self._counts: dict[str, int] = {}
        self._next: deque[Outcome] = deque()

    def register(self, text: str) -> None:
        """Record requests to the directory of each URL of this webhook that a text contains, until `clear`."""
        with self._lock:
            self._registered.update(self._own_url.findall(text))

    def answer_next(self, outcome: Outcome) -> None:
        """Set the outcome of the next attempt at any URL; several calls queue up."""
        with self._lock:
            self._next.append(outcome)

    def take(self, at: Seconds | None = None) -> list[Attempt]:
        """Remove and return the attempts that ended since the last call; `at` replaces their time if it is given."""
        with self._lock:
            arrived, self._arrived = self._arrived, []
        if at is None:
            return sorted(arrived, key=lambda attempt: attempt.at)
        return [Attempt(at, a.url, a.body, a.outcome, a.took, a.method, a.headers) for a in arrived]

    def clear(self) -> None:
        """Forget everything, before another service or another history."""
        with self._lock:
            self._arrived.clear()
            self._registered.clear()
            self._counts.clear()
            self._next.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        at = self._clock()
        body = await _body(receive)
        path = scope.get("raw_path") or scope["path"].encode()
        query = scope.get("query_string", b"")
        target = (path + (b"?" + query if query else b"")).decode("latin-1")
        if self._is_unknown(target):
            await _respond(send, 404)
            return
        outcome = self._next_outcome(target)
        if outcome == "timeout":
            while (await receive())["type"] != "http.disconnect":
                pass
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        url, took = f"{self.origin}{target}", self._clock() - at if outcome == "timeout" else 0.0
        with self._lock:
            attempt = Attempt(at, url, body.decode("utf-8", "replace"), outcome, took, scope["method"], headers)
            self._arrived.append(attempt)
        if outcome == "reset":
            scope["extensions"][ABORT]()
        elif outcome != "timeout":
            await _respond(send, outcome)

    def _is_unknown(self, target: str) -> bool:
        with self._lock:
            directory = target.partition("?")[0].removeprefix("/").partition("/")[0]
            unknown = self.public and directory not in self._registered
            self.unknown_requests += unknown
        return unknown

    def _next_outcome(self, target: str) -> Outcome:
        words = target.partition("?")[0].rpartition("/")[2].split(",")
        with self._lock:
            count = self._counts[target] = self._counts.get(target, 0) + 1
            if self._next:
                return self._next.popleft()
        word = words[min(count, len(words)) - 1]
        if word in ("timeout", "reset"):
            return "timeout" if word == "timeout" else "reset"
        return int(word) if word.isdecimal() and 200 <= int(word) <= 599 else 200


async def _respond(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def _body(receive: Receive) -> bytes:
    """The body of a request, truncated if it is too long for a callback."""
    body = b""
    message: Message = {"more_body": True}
    while message.get("more_body", False):
        message = await receive()
        body = (body + message.get("body", b""))[:_MAX_BODY]
    return body
