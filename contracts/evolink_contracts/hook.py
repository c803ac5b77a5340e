"""A receiver of callbacks that answers as the URL says, and notes what came: https://hook.example.com/a/500,302,200."""

from evolink_contracts.carriers import Receive, Scope, Send
from evolink_contracts.trace import Attempt

ORIGIN = "https://hook.example.com"
UNKNOWN = float("nan")
"""When an attempt arrived that has not been told the time yet."""


class Hook:
    """An ASGI application. The n-th attempt at a URL gets the n-th status of its last segment, or else the last one."""

    def __init__(self, origin: str = ORIGIN) -> None:
        self.origin = origin
        self.arrived: list[Attempt] = []
        self._counts: dict[str, int] = {}

    def take(self, at: float) -> list[Attempt]:
        """What has arrived since it was last asked for, at this moment."""
        arrived, self.arrived = self.arrived, []
        return [Attempt(at, a.url, a.body, a.outcome, a.took, a.method, a.headers) for a in arrived]

    def forget(self) -> None:
        """Begin anew, for another service or another history."""
        self.arrived.clear()
        self._counts.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        path = scope.get("raw_path") or scope["path"].encode()
        query = scope.get("query_string", b"")
        target = (path + (b"?" + query if query else b"")).decode("latin-1")
        status = self._next_status(target)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        url = f"{self.origin}{target}"
        self.arrived.append(
            Attempt(UNKNOWN, url, body.decode("utf-8", "replace"), status, 0.0, scope["method"], headers)
        )
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    def _next_status(self, target: str) -> int:
        words = target.partition("?")[0].rpartition("/")[2].split(",")
        count = self._counts[target] = self._counts.get(target, 0) + 1
        word = words[min(count, len(words)) - 1]
        return int(word) if word.isdigit() else 200
