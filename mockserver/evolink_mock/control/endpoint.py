"""Dispatches control API calls: strict parsing, world selection, redaction."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Scope, Send

from evolink_mock.api.asgi import HALF_CLOSED, ClientDisconnected, read_body, response_of, send_response
from evolink_mock.api.responses import Result, error_control, error_method_not_allowed
from evolink_mock.body_encodings import body_encoding_error, foreign_encoding
from evolink_mock.clock import monotonic, yield_to_loop
from evolink_mock.control.redacted_rows import Redacted, Show, redact_large, show_rows
from evolink_mock.control.world_selection import WorldSelector
from evolink_mock.core.duration import Micros, parse_duration
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.log_lines import request_line
from evolink_mock.nesting import nesting_error
from evolink_mock.worlds.registry import WorldRegistry
from evolink_mock.worlds.store import StorageError
from evolink_mock.worlds.world import World

log = logging.getLogger("evolink_mock")

_encode = msgspec.json.Encoder().encode
MAX_CONTROL_BODY = 64 * 1024
_SHOWN_ERRORS = 20
"""Mistakes of a body that its refusal names, the first ones."""

Body = TypeVar("Body")


class ControlError(Exception):
    """A control call that cannot be carried out, with its error response."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.result = error_control(status, code, message)


class ControlRequest(NamedTuple):
    """One control call: the worlds it acts on, and its parsed parts."""

    worlds: list[World]
    all_worlds: bool
    query: Mapping[str, str]
    body: bytes
    path: Mapping[str, str]

    async def one_or_all(self, rows: Iterable[tuple[World, Show]]) -> Redacted:
        """The row of the key's world, or with `?all=true` the rows of all worlds."""
        shown = await show_rows(rows)
        return Redacted({"worlds": shown} if self.all_worlds else shown[0])


@dataclass(frozen=True, slots=True)
class ControlCall:
    """One row of the control API's table.

    `parameters` are the query parameters allowed beside `all` and `world`, each with its meaning; `body` is the form
    of the body.
    """

    method: str
    path: str
    summary: str
    handler: Callable[[ControlRequest], Awaitable[object]]
    parameters: Mapping[str, str] = field(default_factory=dict)
    of_world: bool = True
    of_state: bool = True
    """Whether it needs a state that can be written."""
    body: type[msgspec.Struct] | None = None


class ControlEndpoint:
    """One path of the control API as an ASGI application; without calls it answers 404."""

    def __init__(self, calls: Iterable[ControlCall], worlds: WorldRegistry, selector: WorldSelector) -> None:
        self._calls = {call.method: call for call in calls}
        self._of_state = all(call.of_state for call in self._calls.values())
        self._worlds = worlds
        self._selector = selector

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method: str = scope["method"]
        began = monotonic()
        authorization = dict(scope["headers"]).get(b"authorization")
        try:
            with self._worlds.transaction() if self._of_state else nullcontext():
                result = await self._respond(scope, receive, authorization)
        except ClientDisconnected:
            return
        except StorageError as error:
            result = _storage_error(error)
        world = self._selector.existing(authorization) or self._worlds.anonymous
        if log.isEnabledFor(logging.DEBUG):
            target = (scope.get("raw_path") or scope["path"].encode()) + b"?" + scope["query_string"]
            body = result.body if result.status >= 400 else b""
            taken = monotonic() - began
            line = request_line(method, target.rstrip(b"?"), result.status, taken, key=world.key, error=body)
            log.debug("%s", line)
        # Control calls take their ids from the anonymous world, so that they do not change the API's next response.
        await send_response(send, response_of(result, self._worlds.anonymous, world.clock), method)

    async def _respond(self, scope: Scope, receive: Receive, authorization: bytes | None) -> Result:
        if not self._calls:
            return error_control(404, "not_found", "No such control call; GET /__mock/ lists the control calls")
        call = self._calls.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if call is None:
            error = error_control(405, "method_not_allowed", f"{scope['method'][:20]} is not allowed here")
            return error_method_not_allowed(error, {*self._calls, *(["HEAD"] if "GET" in self._calls else [])})
        body = await read_body(receive, MAX_CONTROL_BODY)
        if body is None:
            return error_control(413, "body_too_large", f"A control body has at most {MAX_CONTROL_BODY} bytes")
        try:
            query = parse_query(scope["query_string"], call)
            all_worlds = query.get("all") == "true"
            if isinstance(worlds := self._select_worlds(call, authorization, query), Result):
                return worlds
            if call.body is not None:
                _require_encoding(body, dict(scope["headers"]).get(b"content-encoding", b""))
            request = ControlRequest(worlds, all_worlds, query, body, scope["path_params"])
            answer = await (_wait(receive, call.handler, request) if "wait" in query else call.handler(request))
        except ClientDisconnected:
            raise
        except ControlError as failed:
            return failed.result
        except StorageError as failed:
            return _storage_error(failed)
        except Exception:
            log.exception("%s /__mock%s failed", call.method, call.path)
            return error_control(500, "internal_error", "The control call failed; the emulator's log has the reason")
        return Result(200, await _encoded(answer, worlds))

    def _select_worlds(
        self, call: ControlCall, authorization: bytes | None, query: Mapping[str, str]
    ) -> list[World] | Result:
        """The worlds a call acts on: the key's own, the one of `?world=ID`, or every one with `?all=true`."""
        if not call.of_world:
            return []
        if query.get("all") == "true":
            if "world" in query:
                return error_control(400, "invalid_query", "Give either all=true or world=ID")
            return [*self._worlds, *([self._worlds.anonymous] if call.path == "/journal" else [])]
        found = self._selector.select(authorization, query.get("world"))
        return found if isinstance(found, Result) else [found]


async def _wait(
    receive: Receive, handler: Callable[[ControlRequest], Awaitable[object]], request: ControlRequest
) -> object:
    """The result of a call that waits; it ends at once if the client leaves. Raises `ClientDisconnected`.

    A client that has ended its sending side, and may have left, gets the result of a call that does not wait.
    """

    async def disconnected() -> bool:
        while (message := await receive())["type"] != "http.disconnect":
            pass
        return bool(message.get(HALF_CLOSED))

    working, leaving = asyncio.ensure_future(handler(request)), asyncio.ensure_future(disconnected())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        if not leaving.result():
            raise ClientDisconnected
    finally:
        for each in (working, leaving):
            each.cancel()
        await asyncio.wait((working, leaving))
    return await handler(request._replace(query={**request.query, "wait": "0s"}))


async def _encoded(answer: object, worlds: list[World]) -> bytes:
    """An answer as JSON without any key. Answers about many worlds are redacted row by row by those who make them."""
    if isinstance(answer, Redacted):
        return _encode(answer.value)
    encoded = _encode(answer)
    for world in worlds:
        encoded = await redact_large(encoded, world.key)
        if len(worlds) > 1:
            await yield_to_loop()
    return encoded


def _storage_error(error: StorageError) -> Result:
    return error_control(500, "state_unusable", str(error))


def parse_query(raw: bytes, call: ControlCall) -> dict[str, str]:
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, strict_parsing=bool(raw), max_num_fields=20)
    except ValueError:
        raise ControlError(400, "invalid_query", "The query string is malformed; write name=value&name=value") from None
    known = ("all", "world", *call.parameters)
    for name, value in pairs:
        if name not in known:
            raise ControlError(400, "invalid_query", unknown_name("parameter of this call", name, known))
        if name == "all" and value not in ("true", "false"):
            raise ControlError(400, "invalid_query", f"all must be true or false; got {value[:40]!r}")
    return dict(pairs)


def _require_encoding(body: bytes, coding: bytes) -> None:
    if (reason := foreign_encoding(body, coding)) is not None:
        raise ControlError(400, "invalid_body", f"The body does not have the form of this call: {reason}")


def parse_body(body: bytes, wanted: type[Body]) -> Body:
    if (deep := nesting_error(body)) is not None:
        raise ControlError(400, "invalid_body", deep[0].upper() + deep[1:])
    try:
        return msgspec.json.decode(body or b"{}", type=wanted)
    except msgspec.ValidationError as error:
        raise ControlError(400, "invalid_body", _body_errors(body, wanted) or str(error)[:300]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = body_encoding_error(body) or str(error)[:300]
        raise ControlError(400, "invalid_body", f"The body does not have the form of this call: {reason}") from None


def _body_errors(body: bytes, wanted: type) -> str:
    """Every mistake of a body against its form."""
    from evolink_mock.form_errors import form_errors

    try:
        value = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body_encoding_error(body) or ""
    errors = form_errors(value, wanted, limit=_SHOWN_ERRORS) if issubclass(wanted, msgspec.Struct) else []
    return "; ".join(error.message for error in errors)[:1000]


def read_duration(name: str, text: str) -> Micros:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ControlError(400, "invalid_query" if name == "wait" else "invalid_body", f"{name}: {error}") from None


def read_number(request: ControlRequest, name: str, default: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= most):
        raise ControlError(400, "invalid_query", f"{name} must be a number from 0 to {most}; got {text[:40]!r}")
    return int(text)
