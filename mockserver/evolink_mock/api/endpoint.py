"""One exchange of the API: read the request, find the world, ask an operation, note it in the journal, answer.

Plain values and plain ASGI, because every create and query passes here: starlette's request and response objects
alone cost as much as all the work behind them.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import msgspec
from starlette.types import Receive, Scope, Send

from evolink_contracts.spec.errors import Operation
from evolink_mock.api.responses import Result, error_method_not_allowed, error_result
from evolink_mock.clock import http_date
from evolink_mock.core.duration import Micros
from evolink_mock.core.redaction import truncate
from evolink_mock.worlds.journal import KEPT_BODY, JournalEntry
from evolink_mock.worlds.store import StorageError
from evolink_mock.worlds.world import World

log = logging.getLogger("evolink_mock")

REPLY = "evolink_mock.reply"
"""The ASGI extension by which a server says that a request is carried out, and only its reply is to be sent."""
IDEMPOTENCY_HEADER = b"idempotency-key"
MAX_HEADER_BYTES = 32 * 1024
_BODILESS = (204, 304)
"""Statuses of answers that have no body, whose length is not told either (RFC 9110, 8.6)."""
_DRAINED = 64 * 1024 * 1024
"""A body over the limit is read and dropped up to here, since an answer to a sender still sending may never be read."""

NO_INPUTS: Mapping[str, Any] = MappingProxyType({})

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]
Headers: TypeAlias = dict[bytes, bytes]


class Request(msgspec.Struct):
    """A request as an operation sees it. `body` is `None` where it was larger than allowed."""

    world: World
    now: Micros
    headers: Headers
    body: bytes | None
    """An operation that takes something out of it, which is to be echoed nowhere, puts here what is left."""
    path: Mapping[str, str]
    query: bytes = b""
    inputs: Mapping[str, Any] = NO_INPUTS
    """What was found of the files that it names, where somebody looked at them before."""


Handler: TypeAlias = Callable[[Request], Result]
Prepare: TypeAlias = Callable[[bytes | None, bytes | None], Awaitable[Mapping[str, Any]]]
"""Takes the authorization and the body of a request; gives what was found of the files that it names."""
Sender: TypeAlias = Callable[[Scope, Receive, Send, "Response"], Awaitable[None]]
WorldResolver: TypeAlias = Callable[[Operation, Headers, Mapping[str, str]], World | Result]
"""Finds the world a request belongs to, or the refusal where it belongs to none."""


class Endpoint:
    """All methods of one route as an ASGI application; `otherwise` answers the methods that `handlers` lacks."""

    def __init__(
        self,
        operation: Operation,
        handlers: Mapping[str, Handler],
        open_world: WorldResolver,
        outside: World,
        max_body: int,
        send: Sender,
        request_served: Callable[[], None],
        otherwise: Handler | None = None,
        prepare: Prepare | None = None,
    ) -> None:
        self.prepare = prepare
        """What has to be done, and waited for, before a request is carried out."""
        self.operation = operation
        self._otherwise = otherwise
        self._handlers = {**({"HEAD": handlers["GET"]} if "GET" in handlers else {}), **handlers}
        self._open_world = open_world
        self._outside = outside
        self._max_body = max_body
        self._send = send
        self._request_served = request_served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply: Response | None = scope.get("extensions", {}).get(REPLY)
        if reply is None:
            method: str = scope["method"]
            try:
                body = b"" if method == "GET" else await read_body(receive, self._max_body)
            except ClientDisconnected:
                return
            path: bytes = scope.get("raw_path") or scope["path"].encode()
            query, parameters = scope["query_string"], scope.get("path_params", {})
            headers = scope["headers"]
            try:
                looked = {} if self.prepare is None else await self.prepare(dict(headers).get(b"authorization"), body)
            except Exception:
                log.exception("the files of a request could not be looked at")
                refused = error_result(self.operation, "internal_error")
                await self._send(
                    scope, receive, send, Response(refused, self._outside.clock.now(), self._outside.next_request_id())
                )
                return
            reply = self.respond(method, path, query, headers, body, parameters, looked)
        if reply.result.pending is not None:
            await reply.result.pending()
            reply.note()
        await self._send(scope, receive, send, reply)

    def respond(
        self,
        method: str,
        path: bytes,
        query: bytes,
        raw_headers: RawHeaders,
        body: bytes | None,
        parameters: Mapping[str, str],
        looked: Mapping[str, Any] = NO_INPUTS,
    ) -> "Response":
        """Carry a request out and note it. A `body` over the limit may come as it is or as `None`.

        Whoever sends the reply sees to it that what its answer holds for is over.
        """
        headers: Headers = dict(raw_headers)
        if len(headers) < len(raw_headers):
            headers = join_repeated(raw_headers)
        head = b"\n".join(map(b": ".join, headers.items()))
        if body is not None and len(body) > self._max_body:
            body = None
        if len(head) > MAX_HEADER_BYTES:
            head = b""
            opened: World | Result = error_result("any", "headers_too_large")
        else:
            opened = self._open_world(self.operation if self._answers(method) else "any", headers, parameters)
        if isinstance(opened, Result):
            world, answer = self._outside, opened
            now = world.clock.now()
        else:
            world = opened
            now = world.clock.now()
            call = Request(world, now, headers, body, parameters, query, looked)
            answer = self._handle(method, call)
            body = call.body
            if world.clock.mode == "auto":
                now = world.clock.now()
        rules = world.config
        self._request_served()
        try:
            rules.backend.commit()
        except StorageError as error:
            answer = error_result(self.operation, "internal_error", str(error))
        request_id = world.next_request_id()
        entry = JournalEntry(
            now,
            request_id,
            self.operation,
            method,
            truncate(path, KEPT_BODY, world.key),
            truncate(query, KEPT_BODY, world.key),
            head,
            truncate(body or b"", KEPT_BODY, world.key),
            answer.status,
            truncate(answer.body, KEPT_BODY, world.key),
            answer.task,
            answer.source,
            answer.scenario,
            answer.rule,
            answer.fault,
        )
        world.journal.append(entry)
        return Response(answer, now, request_id, entry)

    def _answers(self, method: str) -> bool:
        return method in self._handlers or self._otherwise is not None

    def _handle(self, method: str, call: Request) -> Result:
        handler = self._handlers.get(method, self._otherwise)
        if handler is None:
            refused = error_result("any", "method_not_allowed", f"{method[:20]} is not allowed here")
            return error_method_not_allowed(refused, self._handlers)
        try:
            return handler(call)
        except Exception:
            log.exception("the %s operation failed", self.operation)
            return error_result(self.operation, "internal_error")


class ClientDisconnected(Exception):
    """The sender left before it had said everything: there is nobody to answer and nothing to note."""


def join_repeated(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Headers that were sent more than once, joined by commas as HTTP has it, so that none goes unseen."""
    joined: Headers = {}
    for name, value in headers:
        joined[name] = b"%s, %s" % (joined[name], value) if name in joined else value
    return joined


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """The body, or `None` if it is larger than `limit` bytes. Raises `HungUp`."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnected
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return body if len(body) <= limit else None
    chunks, size = [body], len(body)
    while size <= _DRAINED:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        if not message.get("more_body", False):
            break
    return b"".join(chunks) if size <= limit else None


class Response(NamedTuple):
    """An answer with what every answer carries: the instant in its world, and its id."""

    result: Result
    now: Micros
    request_id: str
    entry: JournalEntry | None = None

    def note(self) -> None:
        """Let the journal say what is answered, where that was found out only while it was held back."""
        if self.entry is not None and self.entry.status != self.result.status:
            self.entry.status, self.entry.response_body = self.result.status, self.result.body[:KEPT_BODY]

    def headers(self) -> list[tuple[bytes, bytes]]:
        answer = self.result
        own = ((b"date", http_date(self.now)), (b"x-request-id", self.request_id.encode()))
        if answer.status in _BODILESS:
            return [*own, *answer.headers]
        return [
            (b"content-type", answer.content_type),
            (b"content-length", b"%d" % len(answer.body)),
            *own,
            *answer.headers,
        ]


async def send_response(send: Send, reply: Response, method: str) -> None:
    """Put a reply on the wire."""
    answer = reply.result
    await send({"type": "http.response.start", "status": answer.status, "headers": reply.headers()})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})
