"""Transports: a request sent over the network by httpx, or by calling an ASGI application in this thread."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from ipaddress import ip_address
from threading import Lock
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeAlias
from urllib.parse import unquote, urlsplit

from evolink_contracts.reference.errors import NoResponse, ServiceUnusable
from evolink_contracts.target.pem_files import authorities
from evolink_contracts.trace.header import without_secrets

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


MAX_ANSWER = 4 * 1024 * 1024
"""In bytes; an answer of the API has about one thousand."""


class Response(NamedTuple):
    """The response to one request. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


class Transport(Protocol):
    """Sends one request and waits for its response. Raises `NoResponse`."""

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Response: ...
    def close(self) -> None: ...


class HttpTransport:
    """Sends requests to a base URL by httpx. Its credentials and query are not sent: the key has their place.

    Each exchange ends within `timeout` seconds, whatever arrives meanwhile. An answer has at most `MAX_ANSWER` bytes,
    as it arrives and as it is inflated; of a video only the head is read. Cookies are not kept.

    Requests to this machine never go through a proxy of the environment. Raises `ServiceUnusable` if the environment's
    proxy or certificates cannot be used.
    """

    def __init__(self, base_url: str, timeout: float = 30.0) -> None:
        import httpx

        from evolink_contracts.target.body import NoCookies
        from evolink_contracts.target.deadline import keep_deadlines

        self._secure = base_url.lower().startswith("https:")
        self._timeout = timeout
        # httpx and h11 let a `ValueError` through, as for a length of thousands of digits.
        self._errors = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError)
        # With a transport of its own a client asks neither the environment nor the system for proxies.
        try:
            verify = authorities()
            direct = httpx.HTTPTransport(verify=verify) if _is_local(base_url) else None
            plain = without_secrets(base_url)
            self._client = httpx.Client(
                base_url=plain, transport=direct, verify=verify, timeout=timeout, cookies=NoCookies()
            )
            keep_deadlines(self._client)
        except OSError as error:
            raise ServiceUnusable(f"the certificate authorities of SSL_CERT_FILE cannot be read: {error}") from None
        except ImportError as error:
            raise ServiceUnusable(f"{_PROXY}: {error}") from None
        except (ValueError, httpx.InvalidURL):
            # The error may show a password that is part of a proxy's URL.
            raise ServiceUnusable(f"{_PROXY}: a proxy is such as http://127.0.0.1:3128") from None

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Response:
        from evolink_contracts.target.body import IDENTITY, Body
        from evolink_contracts.target.deadline import deadline

        with deadline(self._timeout) as end:
            try:
                own = {name.encode(): os.fsencode(value) for name, value in {**IDENTITY, **headers}.items()}
                with self._client.stream(method, path, headers=own, content=content) as response:
                    is_video = response.headers.get("content-type", "").startswith("video/")
                    body = b"" if is_video else b"".join(Body(response, MAX_ANSWER).pieces())
                    return Response(response.status_code, dict(response.headers), body)
            except NoResponse as error:
                why = error.why
            except self._errors as error:
                late = f"it took longer than {self._timeout:g} s"
                why = late if end.is_over() else _reason(error, self._secure)
        raise NoResponse(f"{method} {path} got no answer: {why}", why)

    def close(self) -> None:
        self._client.close()


_PROXY = "the proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY) cannot be used"
_CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "Connection refused": "nothing listens there: is it running, and is the port right?",
        "Name or service not known": "is the host name right?",
        "nodename nor servname": "is the host name right?",
        "certificate is not valid for": "use a host name that the certificate is for",
        "CERTIFICATE_VERIFY_FAILED": "SSL_CERT_FILE names a file with the certificate authorities to trust",
        "WRONG_VERSION_NUMBER": "it speaks plain HTTP: write http://",
        "RECORD_LAYER_FAILURE": "it speaks plain HTTP: write http://",
    }
)
"""The likely cause by a part of the error's text."""
_NOT_HTTP = ("Server disconnected", "Connection reset", "illegal status line")
"""The errors that a port of HTTPS causes to a request by HTTP, and others too."""


def _is_local(url: str) -> bool:
    """Whether a URL leads to this machine by its name or address alone."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
        if host == "localhost" or host.endswith(".localhost"):
            return True
        address = ip_address(host)
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback or address.is_unspecified
    except ValueError:
        return False


def _reason(error: Exception, secure: bool) -> str:
    """The text of an error, with its likely cause."""
    said = str(error) or type(error).__name__
    if cause := next((cause for part, cause in _CAUSES.items() if part.lower() in said.lower()), ""):
        return f"{said}; {cause}"
    mixed_up = not secure and any(part in said for part in _NOT_HTTP)
    return f"{said}; if it speaks HTTPS, write https://" if mixed_up else said


class AsgiTransport:
    """Calls an ASGI application and runs its lifespan, on an event loop that runs only during a request.

    Threads take turns.
    """

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._turn = Lock()
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        self._lifespan = self._loop.create_task(self._live(scope))
        self._loop.run_until_complete(self._stage("startup"))

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Response:
        with self._turn:
            return self._loop.run_until_complete(self._exchange(_http_scope(method, path, headers, content), content))

    def close(self) -> None:
        self._loop.run_until_complete(self._stage("shutdown"))
        self._lifespan.cancel()
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._lifespan)
        self._loop.close()

    async def _live(self, scope: Scope) -> None:
        await self._app(scope, self._to_app.get, self._from_app.put)

    async def _stage(self, word: str) -> None:
        await self._to_app.put({"type": f"lifespan.{word}"})
        message = await self._from_app.get()
        if message["type"] != f"lifespan.{word}.complete":
            raise NoResponse(f"the application's {word} failed: {message.get('message', '')}")

    async def _exchange(self, scope: Scope, content: bytes | None) -> Response:
        sent = False
        status, headers, body = 0, {}, bytearray()

        async def receive() -> Message:
            nonlocal sent
            if sent:
                return {"type": "http.disconnect"}
            sent = True
            return {"type": "http.request", "body": content or b"", "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = {
                    name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message["headers"]
                }
            else:
                body.extend(message.get("body", b""))

        await self._app(scope, receive, send)
        return Response(status, headers, bytes(body))


def _http_scope(method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Scope:
    parts = urlsplit(url)
    host = parts.netloc or "in-process"
    own = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(b"host", host.encode()), (b"content-length", b"%d" % len(content or b"")), *own],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
