"""Callback receiver: a parser for the body, and an ASGI application to mount."""

import hmac
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from inspect import iscoroutinefunction
from typing import Any, Literal, Protocol, TypeAlias, cast
from urllib.parse import parse_qsl

from evolink_client._errors import InvalidCallback, Later
from evolink_client._json import Unusable, decode
from evolink_client._models import Malformed, Seconds, Task, read_task

log = logging.getLogger("evolink_client")

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handler: TypeAlias = Callable[[Task], Awaitable[None]] | Callable[[Task], None]

MAX_BODY = 1024 * 1024
DEADLINE: Seconds = 8.0
"""The service waits 10 s for the response, and then retries the callback."""


def parse_callback(body: bytes | str) -> Task:
    """The task in the body of a callback, the same JSON as a query returns. Raises `InvalidCallback`."""
    try:
        return read_task(decode(body))
    except Unusable as error:
        raise InvalidCallback(f"the body {error}", body) from None
    except ValueError:
        raise InvalidCallback("the body is no JSON", body) from None
    except Malformed as error:
        raise InvalidCallback(str(error), body) from None


class Memory(Protocol):
    """Stores the keys of handled callbacks; in a database they survive the process, and several may share them."""

    async def add(self, key: str) -> bool:
        """Store a key; false if it is stored already. Must be atomic: one of several simultaneous calls gets true."""

    async def discard(self, key: str) -> None:
        """Remove a key, because the handler failed."""


class InMemory:
    """Keeps the newest keys in this process."""

    def __init__(self, most: int = 100_000) -> None:
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._most = most

    async def add(self, key: str) -> bool:
        """Like `Memory.add`."""
        if key in self._keys:
            return False
        self._keys[key] = None
        if len(self._keys) > self._most:
            self._keys.popitem(last=False)
        return True

    async def discard(self, key: str) -> None:
        """Like `Memory.discard`."""
        self._keys.pop(key, None)


class CallbackRouter:
    """An ASGI application that calls `handle` once for each ended task, even if callbacks are repeated or late.

    `answer` says when the service gets its 200: "after" the handler, so that it retries after a failure, or "before"
    it. A handler that takes longer than `deadline` seconds continues after the response. `handle` is a coroutine
    function, or a plain function, which runs in a thread. A body that is not a callback gets a 400, which the service
    retries in vain. Callbacks are not signed: with a `secret`, which must be a path segment or a query value of your
    `callback_url`, requests without it get a 404.
    """

    def __init__(
        self,
        handle: Handler,
        *,
        answer: Literal["after", "before"] = "after",
        memory: Memory | None = None,
        deadline: Seconds = DEADLINE,
        secret: str | None = None,
    ) -> None:
        self._handle = handle
        self._answer_first = answer == "before"
        self._memory = memory or InMemory()
        self._deadline = deadline
        self._secret = None if secret is None else secret.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        if self._secret is not None and not _knows(self._secret, scope):
            await _answer(send, 404, "nothing is here")
            return
        if scope["method"] != "POST":
            await _answer(send, 405, "callbacks are POSTed")
            return
        body = await _read(receive)
        if body is None:
            await _answer(send, 413, f"a callback has at most {MAX_BODY} bytes")
            return
        try:
            task = parse_callback(body)
        except InvalidCallback as error:
            await _answer(send, 400, str(error))
            return
        key = f"{task.id} {task.status}"
        if not await self._memory.add(key):
            await _answer(send, 200, "handled already")
        elif self._answer_first:
            await _answer(send, 200, "received")
            await self._work(task, key)
        else:
            await self._answer_after(task, key, send)

    async def _answer_after(self, task: Task, key: str, send: Send) -> None:
        import anyio

        statuses: list[int] = []
        done = anyio.Event()

        async def work() -> None:
            statuses.append(await self._work(task, key))
            done.set()

        async with anyio.create_task_group() as group:
            group.start_soon(work)
            with anyio.move_on_after(self._deadline):
                await done.wait()
            status = statuses[0] if statuses else 200
            await _answer(send, status, {200: "handled", 503: "later"}.get(status, "the handler failed"))

    async def _work(self, task: Task, key: str) -> int:
        """Call the handler, and return the status for its outcome."""
        try:
            if iscoroutinefunction(self._handle) or iscoroutinefunction(getattr(self._handle, "__call__", None)):  # noqa: B004
                await cast(Callable[[Task], Awaitable[None]], self._handle)(task)
            else:
                import anyio

                await anyio.to_thread.run_sync(cast(Callable[[Task], None], self._handle), task)
        except Later:
            await self._memory.discard(key)
            return 503
        except Exception:
            log.exception("the callback of %s could not be handled", task.id)
            await self._memory.discard(key)
            return 500
        except BaseException:
            # Cancelled: the service gets no response and retries, so the key must not count as handled.
            await self._forget(key)
            raise
        return 200

    async def _forget(self, key: str) -> None:
        import anyio

        with anyio.CancelScope(shield=True):
            await self._memory.discard(key)


def _knows(secret: bytes, scope: Scope) -> bool:
    query = parse_qsl(scope.get("query_string", b"").decode("utf-8", "replace"))
    said = [*scope["path"].split("/"), *(value for _, value in query)]
    return any(hmac.compare_digest(secret, each.encode("utf-8", "replace")) for each in said)


async def _live(receive: Receive, send: Send) -> None:
    for stage in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{stage}.complete"})


async def _read(receive: Receive) -> bytes | None:
    """The body, or `None` if it is too large; then the rest is read and dropped."""
    body, size = bytearray(), 0
    while True:
        message = await receive()
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= MAX_BODY:
            body += chunk
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return bytes(body) if size <= MAX_BODY else None


async def _answer(send: Send, status: int, says: str) -> None:
    body = json.dumps({"message": says}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    headers += [(b"allow", b"POST")] if status == 405 else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
