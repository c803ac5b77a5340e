"""ASGI application of one API route: opens the world, calls the handler, commits, writes the journal, responds.

Plain values and plain ASGI, because every create and query passes here: starlette's request and response objects
alone cost as much as all the work behind them.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import msgspec
from msgspec.structs import replace
from starlette.types import Receive, Scope, Send

from evolink_contracts.spec.errors import Operation
from evolink_mock.api.asgi import (
    BodiesTooLarge,
    BodyBudget,
    ClientDisconnected,
    PendingResponse,
    Response,
    Sender,
    log_request,
    read_body,
    response_of,
)
from evolink_mock.api.headers import (
    MAX_HEADER_BYTES,
    Headers,
    RawHeaders,
    by_name,
    is_preflight,
    preflight_headers,
    with_cors,
)
from evolink_mock.api.responses import Outcome, Pending, Present, Result, amend, error_method_not_allowed, error_result
from evolink_mock.clock import monotonic
from evolink_mock.core.duration import Micros
from evolink_mock.core.redaction import redact, truncate
from evolink_mock.core.request_headers import bearer_key
from evolink_mock.worlds.journal import KEPT_BODY, JournalEntry
from evolink_mock.worlds.store import StorageError
from evolink_mock.worlds.world import World

log = logging.getLogger("evolink_mock")

PRECOMPUTED = "evolink_mock.precomputed"
"""The ASGI extension by which a server hands over the response to a request that it has called `respond` for."""

ALL_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

NO_INPUTS: Mapping[str, Any] = MappingProxyType({})
FAILED_INPUTS: Mapping[str, Any] = MappingProxyType({"": None})
"""The inputs of a request whose preparation failed: it is answered with an error."""


class Request(msgspec.Struct, frozen=True):
    """A request as a handler sees it. `body` is `None` where it was larger than allowed."""

    world: World
    now: Micros
    headers: Headers
    body: bytes | None
    path: Mapping[str, str]
    query: bytes = b""
    inputs: Mapping[str, Any] = NO_INPUTS
    """The files that the request names, by URL, as far as its preparation fetched them."""


Handler: TypeAlias = Callable[[Request], Outcome]
WorldResolver: TypeAlias = Callable[[Operation, Headers, Mapping[str, str]], World | Result]
"""Finds the world that a request belongs to, or the error where it belongs to none."""


def _failure(operation: Operation, message: str | None) -> Result:
    return error_result(operation, "internal_error", message)


class EndpointContext(NamedTuple):
    """The parts that all endpoints of one emulator share."""

    anonymous: World
    """The world of requests that belong to no key."""
    send: Sender
    request_served: Callable[[], None]
    log_requests: bool = True
    """Whether a line is logged for each request, where the log has the level INFO."""
    cors: bool = True
    """Whether pages of other origins may call the endpoints."""
    present: Present | None = None
    """Changes each result, where the emulator is not to behave as documented."""
    bodies: BodyBudget = BodyBudget()  # One for the process, whose memory it bounds.
    """The bound of all bodies together."""
    failure: Callable[[Operation, str | None], Result] = _failure
    """The result of a request that could not be carried out; with a message, or else the documented one."""


class Preparation(NamedTuple):
    """Work to be awaited before a request is carried out."""

    needed: Callable[[], bool]
    """Whether any request may need it by now; until then requests are answered without waiting."""
    prepare: Callable[[Headers, bytes | None], Awaitable[Mapping[str, Any]]]
    """Fetches or parses the files of a request, given its headers and its body."""


class Endpoint:
    """All methods of one route as an ASGI application; `otherwise` handles the methods that `handlers` lacks."""

    def __init__(
        self,
        operation: Operation,
        handlers: Mapping[str, Handler],
        open_world: WorldResolver,
        max_body: int,
        context: EndpointContext,
        otherwise: Handler | None = None,
        preparation: Preparation | None = None,
    ) -> None:
        self.operation = operation
        self._otherwise = otherwise
        self._handlers = {**({"HEAD": handlers["GET"]} if "GET" in handlers else {}), **handlers}
        self._open_world = open_world
        self._max_body = max_body
        self._preparation = preparation
        (
            self._anonymous,
            self._send,
            self._request_served,
            self._log_requests,
            self._cors,
            self._present,
            self._bodies,
            self._failure,
        ) = context

    def answers_at_once(self) -> bool:
        """Whether requests can be carried out without awaiting anything before."""
        return self._preparation is None or not self._preparation.needed()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response: Response | PendingResponse | None = scope.get("extensions", {}).get(PRECOMPUTED)
        if response is None:
            try:
                response = await self._receive(scope, receive)
            except ClientDisconnected:
                return
        if isinstance(response, PendingResponse):
            response = await response.finish(receive)
        await self._send(scope, receive, send, response)

    async def _receive(self, scope: Scope, receive: Receive) -> Response | PendingResponse:
        """Read a request, prepare and carry it out. Raises `ClientDisconnected`."""
        with self._bodies.share() as grow_to:
            try:
                body = await self._read_body(scope, receive, grow_to)
            except BodiesTooLarge as error:
                return response_of(replace(self._failure(self.operation, str(error)), status=503), self._anonymous)
            return await self._respond_with(scope, body)

    async def _respond_with(self, scope: Scope, body: bytes | None) -> Response | PendingResponse:
        method: str = scope["method"]
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        headers: RawHeaders = scope["headers"]
        inputs = NO_INPUTS
        if self._preparation is not None and self._preparation.needed():
            try:
                inputs = await self._preparation.prepare(by_name(headers), body)
            except Exception:
                log.exception("the files of a request could not be checked")
                inputs = FAILED_INPUTS
        return self.respond(method, path, scope["query_string"], headers, body, scope.get("path_params", {}), inputs)

    async def _read_body(self, scope: Scope, receive: Receive, grow_to: Callable[[int], None]) -> bytes | None:
        """The body, or `None` where it is too large; nothing of it where the request is refused by its head alone."""
        headers = by_name(scope["headers"])
        if scope["method"] == "GET" or isinstance(
            self._open(scope["method"], headers, scope.get("path_params", {})), Result
        ):
            return b""
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > self._max_body:
            return None
        return await read_body(receive, self._max_body, grow_to)

    def respond(
        self,
        method: str,
        path: bytes,
        query: bytes,
        raw_headers: RawHeaders,
        body: bytes | None,
        parameters: Mapping[str, str],
        inputs: Mapping[str, Any] = NO_INPUTS,
    ) -> Response | PendingResponse:
        """Carry a request out and journal it. A `body` over the limit may come as it is or as `None`."""
        began = monotonic() if self._log_requests and log.isEnabledFor(logging.INFO) else None
        headers = by_name(raw_headers)
        head = b"\n".join(map(b": ".join, headers.items()))
        body = None if body is None or len(body) > self._max_body else body
        if len(head) > MAX_HEADER_BYTES:
            head = b""
            opened: World | Result = error_result("any", "headers_too_large")
        else:
            opened = self._open(method, headers, parameters)
        world = self._anonymous if isinstance(opened, Result) else opened
        now = world.clock.now()
        if isinstance(opened, Result):
            outcome: Outcome = opened
            body = b""
        else:
            outcome = self._carry_out(method, Request(world, now, headers, body, parameters, query, inputs))
            now = world.clock.now() if world.clock.mode == "auto" else now
        if world is self._anonymous and (key := bearer_key(headers.get(b"authorization"))) is not None:
            path, query, head, body = _without_key(key, path, query, head, body or b"")
        outcome = self._amended(outcome, headers)
        self._request_served()
        request_id = world.next_request_id()
        if isinstance(outcome, Pending):
            journal = partial(self._journal, world, now, request_id, method, path, query, head, body)
            note = partial(log_request, world, began, method, path, query)
            return PendingResponse(world, now, request_id, outcome, journal, note)
        self._journal(world, now, request_id, method, path, query, head, body, outcome)
        log_request(world, began, method, path, query, outcome)
        return Response(outcome, now, request_id)

    def _open(self, method: str, headers: Headers, parameters: Mapping[str, str]) -> World | Result:
        """The world of a request, or a result that needs none."""
        if self._cors and "OPTIONS" not in self._handlers and is_preflight(method, headers):
            # A browser sends no key with it.
            return Result(204, b"", preflight_headers(headers, self._handlers or ALL_METHODS))
        known = method in self._handlers or self._otherwise is not None
        return self._open_world(self.operation if known else "any", headers, parameters)

    def _amended(self, outcome: Outcome, headers: Headers) -> Outcome:
        """The outcome as the behaviour presents it, and readable by pages of other origins where it may be."""
        if self._present is not None:
            outcome = amend(outcome, partial(self._present, self.operation))
        return amend(outcome, _readable_by_pages) if self._cors and b"origin" in headers else outcome

    def _carry_out(self, method: str, request: Request) -> Outcome:
        """The outcome of a request whose changes are stored; or an error, where they cannot be."""
        # Without a transaction nothing looks for what the journal leaves out, such as a directive or a file.
        outcome: Outcome = Result(0, b"", journal_body=b"")
        try:
            with request.world.transaction():
                outcome = self._handle(method, request)
        except StorageError as error:
            failed = self._failure(self.operation, str(error))
            known = outcome.result if isinstance(outcome, Pending) else outcome
            return failed if known is None else replace(failed, journal_body=known.journal_body)
        return outcome

    def _handle(self, method: str, request: Request) -> Outcome:
        handler = self._handlers.get(method, self._otherwise)
        if handler is None:
            error = error_result("any", "method_not_allowed", f"{method[:20]} is not allowed here")
            return error_method_not_allowed(error, self._handlers)
        if request.inputs is FAILED_INPUTS:  # Its body may be a file, which the journal leaves out.
            return replace(self._failure(self.operation, None), journal_body=b"")
        try:
            return handler(request)
        except Exception:
            log.exception("the %s operation failed", self.operation)
            return self._failure(self.operation, None)

    def _journal(
        self,
        world: World,
        now: Micros,
        request_id: str,
        method: str,
        path: bytes,
        query: bytes,
        head: bytes,
        body: bytes | None,
        result: Result,
    ) -> None:
        shown = body or b"" if result.journal_body is None else result.journal_body
        response_body = result.body if result.journal_response is None else result.journal_response
        # One comparison for nearly all requests, since each passes here.
        if len(path) + len(query) + len(shown) + len(response_body) > KEPT_BODY:
            path, query, shown, response_body = (
                truncate(text, KEPT_BODY, world.key) for text in (path, query, shown, response_body)
            )
        entry = JournalEntry(
            now,
            request_id,
            self.operation,
            method,
            path,
            query,
            head,
            shown,
            result.status,
            response_body,
            result.task,
            result.source,
            result.scenario,
            result.rule,
            result.fault,
        )
        world.journal.append(entry)


def _without_key(key: str, *texts: bytes) -> Iterator[bytes]:
    """Parts of a request that belongs to no key, without the one that was sent: the journal redacts by that of a world.

    They are cut first, since a body may be large.
    """
    return (redact(truncate(text, KEPT_BODY, key), key) for text in texts)


def _readable_by_pages(result: Result) -> Result:
    return replace(result, headers=with_cors(result.headers))
