"""What carries requests to a service: httpx over the network, or a call of an ASGI application in this thread."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from threading import Lock
from typing import Any, NamedTuple, Protocol, TypeAlias
from urllib.parse import unquote, urlsplit

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class Reply(NamedTuple):
    """An answer; the names of its headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class NoReply(Exception):
    """Nothing came back; says why."""


class Carrier(Protocol):
    """Sends one request and waits for its answer. Raises `NoReply`."""

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Reply: ...
    def close(self) -> None: ...


class Network:
    """By httpx, to a base URL."""

    def __init__(self, base_url: str, timeout: float = 30.0) -> None:
        import httpx

        self._errors = (httpx.HTTPError, httpx.InvalidURL, UnicodeError)
        self._client = httpx.Client(base_url=base_url, timeout=timeout)

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Reply:
        try:
            answer = self._client.request(method, path, headers=headers, content=content)
        except self._errors as error:
            raise NoReply(f"{method} {path} got no answer: {str(error) or type(error).__name__}") from None
        return Reply(answer.status_code, dict(answer.headers), answer.content)

    def close(self) -> None:
        self._client.close()


class InProcess:
    """By calling an ASGI application, whose lifespan it runs, on an event loop that moves only meanwhile.

    Threads take turns.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._turn = Lock()
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        self._living = self._loop.create_task(self._live(scope))
        self._loop.run_until_complete(self._stage("startup"))

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Reply:
        with self._turn:
            return self._loop.run_until_complete(self._ask(method, path, headers, content or b""))

    def close(self) -> None:
        self._loop.run_until_complete(self._stage("shutdown"))
        self._living.cancel()
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._living)
        self._loop.close()

    async def _live(self, scope: Scope) -> None:
        await self._app(scope, self._to_app.get, self._from_app.put)

    async def _stage(self, word: str) -> None:
        await self._to_app.put({"type": f"lifespan.{word}"})
        message = await self._from_app.get()
        if message["type"] != f"lifespan.{word}.complete":
            raise NoReply(f"the application's {word} failed: {message.get('message', '')}")

    async def _ask(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> Reply:
        parts = urlsplit(url)
        host = parts.netloc or "in-process"
        own = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(b"host", host.encode()), (b"content-length", b"%d" % len(content)), *own],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        sent = False
        status, answered, body = 0, {}, bytearray()

        async def receive() -> Message:
            nonlocal sent
            if sent:
                return {"type": "http.disconnect"}
            sent = True
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status = message["status"]
                answered = {
                    name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message["headers"]
                }
            else:
                body.extend(message.get("body", b""))

        await self._app(scope, receive, send)
        return Reply(status, answered, bytes(body))
