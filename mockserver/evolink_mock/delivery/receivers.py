"""Registry of receivers in this process: ASGI and WSGI applications, by the origin whose callbacks they take."""

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio
import anyio.to_thread
import httpx
from starlette.types import ASGIApp

from evolink_mock.core.callback_routes import parse_origin

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

Application: TypeAlias = "ASGIApp | WSGIApplication"

_THREADS = 64
"""Requests that one WSGI application handles at a time."""


class Receivers:
    """The applications that take callbacks in this process. More can be added while the emulator runs."""

    def __init__(self, applications: Mapping[str, Application]) -> None:
        self._transports: dict[str, httpx.AsyncBaseTransport] = {}
        for origin, application in checked_receivers(applications).items():
            self.add(origin, application)

    def add(self, origin: str, application: Application) -> None:
        """Let an application take the callbacks of an origin, such as `https://app.example.com`.

        It replaces the one that took them before. Raises `ValueError` for a malformed origin and for what is no
        application.
        """
        if not isinstance(origin, str):
            raise ValueError(
                f"the origin of a receiver is text, such as https://app.example.com; got {repr(origin)[:80]}"
            )
        self._transports[parse_origin(origin)] = _transport_of(origin, application)

    @property
    def origins(self) -> Collection[str]:
        """The origins, as they are at any time."""
        return self._transports.keys()

    def transport(self, origin: str) -> httpx.AsyncBaseTransport:
        return self._transports[origin]


def checked_receivers(given: object) -> "Mapping[str, Application]":
    """Applications by origin. Raises `ValueError` for any other value."""
    if not isinstance(given, Mapping):
        raise ValueError(
            f'receivers must map origins to applications: {{"https://app.example.com": app}}; got {repr(given)[:80]}'
        )
    return given


class WsgiTransport(httpx.AsyncBaseTransport):
    """Calls a WSGI application in threads, so that it may block without holding up the event loop."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._transport = httpx.WSGITransport(application)
        self._threads: anyio.CapacityLimiter | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # Made on the event loop that uses it.
        self._threads = self._threads or anyio.CapacityLimiter(_THREADS)
        # Abandoned, since the time limit of an attempt ends it whatever the application still does.
        return await anyio.to_thread.run_sync(self._handle, request, abandon_on_cancel=True, limiter=self._threads)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        response = self._transport.handle_request(request)
        try:
            # As it was sent: the status decides, whether or not the body can be decoded.
            body = b"".join(response.iter_raw())
        finally:
            response.close()
        return httpx.Response(response.status_code, stream=httpx.ByteStream(body))


def _transport_of(origin: str, application: Any) -> httpx.AsyncBaseTransport:
    if _is_asgi(application):
        return httpx.ASGITransport(application)
    if _takes(application, 2) and not _takes(application, 3):
        return WsgiTransport(application)
    raise ValueError(
        f"the receiver of {origin} must be an ASGI application (scope, receive, send) or a WSGI application "
        f"(environ, start_response); got {repr(application)[:80]}"
    )


def _is_asgi(application: Any) -> bool:
    if not _takes(application, 3):
        return False
    call: Callable[..., Any] = application if inspect.isroutine(application) else type(application).__call__
    return inspect.iscoroutinefunction(call) or not _takes(application, 2)


def _takes(application: Any, count: int) -> bool:
    """Whether a callable is an instance or function that can be called with this number of positional arguments."""
    if not callable(application) or inspect.isclass(application):
        return False
    try:
        inspect.signature(application).bind(*range(count))
    except (TypeError, ValueError):
        return False
    return True
