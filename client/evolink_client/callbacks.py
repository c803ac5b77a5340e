"""Receiving callbacks: read one, or mount an ASGI application that does all that a receiver has to."""

import hmac
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from inspect import iscoroutinefunction
from typing import Any, Literal, Protocol, TypeAlias, cast
from urllib.parse import parse_qsl

from evolink_client._errors import InvalidCallback, Later
from evolink_client._models import Malformed, Seconds, Task, read_task

log = logging.getLogger("evolink_client")

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handler: TypeAlias = Callable[[Task], Awaitable[None]] | Callable[[Task], None]

MAX_BODY = 1024 * 1024
DEADLINE: Seconds = 8.0
"""The service waits 10 s for the answer, and then sends the callback again."""


def parse_callback(body: bytes | str) -> Task:
    """The task of a callback's body, which is what a query of the task answers. Raises `InvalidCallback`."""
    try:
        return read_task(json.loads(body))
    except (ValueError, RecursionError):
        raise InvalidCallback("the body is no JSON", body) from None
    except Malformed as error:
        raise InvalidCallback(str(error), body) from None


class Memory(Protocol):
    """Remembers what has been handled; kept in a database, it outlives the process and serves several."""

    async def add(self, key: str) -> bool:
        """Remember a key; false if it is remembered already. At once for all who ask at the same time."""

    async def discard(self, key: str) -> None:
        """Forget a key, since handling it failed."""


class InMemory:
    """The newest keys, in this process."""

    def __init__(self, most: int = 100_000) -> None:
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._most = most

    async def add(self, key: str) -> bool:
        """As `Memory.add`."""
        if key in self._keys:
            return False
        self._keys[key] = None
        if len(self._keys) > self._most:
            self._keys.popitem(last=False)
        return True

    async def discard(self, key: str) -> None:
        """As `Memory.discard`."""
        self._keys.pop(key, None)


class CallbackRouter:
    """An ASGI application that hands each end of a task to `handle` once, whatever comes twice, late or out of order.

    `answer` is when the service gets its 200: "after" the handler, so that a failure is sent again, or "before" it. A
    handler that takes longer than `deadline` seconds goes on behind the answer. `handle` may be a coroutine function,
    or a plain one, which then runs in a thread. What is no callback gets a 400, which the service sends again in vain.
    Callbacks are not signed: with a `secret`, which is a part of the path or a value in the query of the
    `callback_url` that you send, whoever does not know it gets a 404.
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
        """The status that says what became of it."""
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
            # Cancelled in the midst of it: the service gets no answer, sends it again, and shall not be told "handled".
            await self._forget(key)
            raise
        return 200

    async def _forget(self, key: str) -> None:
        import anyio

        with anyio.CancelScope(shield=True):
            await self._memory.discard(key)


def _knows(secret: bytes, scope: Scope) -> bool:
    query = parse_qsl(scope.get("query_string", b"").decode("latin-1"))
    said = [*scope["path"].split("/"), *(value for _, value in query)]
    return any(hmac.compare_digest(secret, each.encode("utf-8", "replace")) for each in said)


async def _live(receive: Receive, send: Send) -> None:
    for stage in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{stage}.complete"})


async def _read(receive: Receive) -> bytes | None:
    """The body, or `None` if it is too large. What is left of a large one is read and dropped."""
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
