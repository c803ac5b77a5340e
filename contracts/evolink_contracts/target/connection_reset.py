"""Connection reset: an ASGI extension by which an application aborts the connection of a request, on uvicorn."""

import asyncio
from typing import Any, cast

import uvicorn

from evolink_contracts.target.transports import AsgiApp, Receive, Scope, Send
from evolink_contracts.target.webhook import ABORT


def allow_resets(config: uvicorn.Config) -> None:
    """Load `config`, and give its application the extension `ABORT`: a function that aborts the connection."""
    config.load()
    # uvicorn calls the application that was loaded, and makes a protocol of this class for each connection.
    config.loaded_app = _with_extension(cast("AsgiApp", config.loaded_app))

    class Resettable(_Resettable):
        served_by = config.http_protocol_class

    config.http_protocol_class = Resettable


def _with_extension(app: AsgiApp) -> AsgiApp:
    async def extended(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope.setdefault("extensions", {})[ABORT] = scope["state"][ABORT]
        await app(scope, receive, send)

    return extended


class _Resettable(asyncio.Protocol):
    """One connection: passes the calls of asyncio on to uvicorn's own protocol, and keeps the transport.

    A subclass of that protocol would depend on its private attributes; this depends on the arguments that uvicorn
    makes a protocol with, of which `app_state` is a part of each request's scope.
    """

    served_by: type[asyncio.Protocol]

    def __init__(self, app_state: dict[str, Any], **given: Any) -> None:
        self._transport: asyncio.Transport | None = None
        make = cast("Any", self.served_by)
        self._served: asyncio.Protocol = make(app_state={**app_state, ABORT: self._abort}, **given)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._served.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._served.data_received(data)

    def eof_received(self) -> bool | None:
        return self._served.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._served.connection_lost(exc)

    def pause_writing(self) -> None:
        self._served.pause_writing()

    def resume_writing(self) -> None:
        self._served.resume_writing()
