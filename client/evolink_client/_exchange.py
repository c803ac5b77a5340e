"""HTTP exchange with httpx, shared by both clients: options and proxies, bounded reading, connection errors."""

import os
import re
import ssl
from collections.abc import Callable, Mapping
from http.cookiejar import CookieJar
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypedDict, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from evolink_client._answers import Answer
from evolink_client._clock import Clock
from evolink_client._errors import ConnectionFailed, NotConfigured, RequestTimedOut, UnexpectedAnswer
from evolink_client._flows import Request
from evolink_client._http.body import BodyRefused

Opened = TypeVar("Opened")


class Connections(TypedDict, total=False):
    """Connection options that both of httpx's clients have."""

    limits: httpx.Limits
    """The most connections, and the most kept alive; by default 100 and 20. Further requests wait."""
    proxy: httpx.Proxy | httpx.URL | str
    trust_env: bool
    """Whether HTTP_PROXY, NO_PROXY and SSL_CERT_FILE are used; by default they are."""
    verify: ssl.SSLContext | str | bool
    """The certificate authorities to trust."""
    http1: bool
    """On by default."""
    http2: bool
    """Off by default; needs the extra `http2` of httpx."""


class HttpOptions(Connections, total=False):
    """Options of `httpx.Client`."""

    transport: httpx.BaseTransport
    mounts: Mapping[str, httpx.BaseTransport | None]


class AsyncHttpOptions(Connections, total=False):
    """Options of `httpx.AsyncClient`."""

    transport: httpx.AsyncBaseTransport
    mounts: Mapping[str, httpx.AsyncBaseTransport | None]


_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_OF_TRANSPORTS = ("verify", "trust_env", "http1", "http2", "limits")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_FORM = "a proxy is such as http://127.0.0.1:3128, and socks5:// needs httpx's extra socks"
_MARK = b"\xef\xbb\xbf"
_WIDE = re.compile(rb"\xff\xfe|\xfe\xff|-\0|\0-|\0\0")
"""UTF-16 or UTF-32, by the mark or by the zeros beside the first character of PEM."""
_REFUSALS = (ImportError, ValueError, OSError, httpx.InvalidURL)
"""The errors of httpx's constructors: a missing package, a proxy or an exception of it that is malformed, a file."""


def open_http(
    client: Callable[..., Opened], transport: Callable[..., Any], base_url: str, options: Mapping[str, Any]
) -> Opened:
    """An httpx client with the given options, which never sends a request for this machine to a proxy of the
    environment.

    `transport` is the client's class of transports. Raises `NotConfigured` if httpx refuses the options, or what the
    environment says of proxies and certificates.
    """
    try:
        options = _with_authorities(options)
    except OSError as error:
        raise _refusal(error) from None
    options = {"cookies": _NoCookies(), **options}
    if "proxy" in options:
        return _open(client, options)
    host = urlsplit(base_url).hostname or ""
    own = f"[{host}]" if ":" in host else host
    local = _is_local(host)
    direct = {f"all://{name}": None for name in (*_LOCAL, *([own] if local else []))}
    given = {**options, "mounts": {**direct, **options.get("mounts", {})}}
    try:
        return client(**given)
    except _REFUSALS as error:
        if not local or "transport" in options:
            raise _refusal(error) from None
    # A proxy that httpx refuses is of no concern here: with a transport of its own, a client has no other.
    return _open(
        client, {**given, "transport": _open(transport, {n: options[n] for n in _OF_TRANSPORTS if n in options})}
    )


def _with_authorities(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options of an httpx client, and `verify` where OpenSSL may skip what follows a mark in SSL_CERT_FILE.

    Raises `OSError`.
    """
    file = Path(os.environ.get("SSL_CERT_FILE") or os.devnull)
    asked = options.get("verify", True) is True and options.get("trust_env", True) and "transport" not in options
    if not asked or not file.is_file():
        return options
    content = file.read_bytes()
    if _WIDE.match(content):
        raise OSError(f"{file} is in UTF-16 or UTF-32; save it in UTF-8")
    if _MARK not in content:
        return options
    # The certificates are ASCII, and what is between them is no concern.
    text = content.replace(_MARK, b"").decode("latin-1").encode("ascii", "replace").decode()
    return {**options, "verify": ssl.create_default_context(cadata=text)}


def _is_local(host: str) -> bool:
    """Whether a host is this machine by its name or address alone."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback or address.is_unspecified


def _open(kind: Callable[..., Opened], options: Mapping[str, Any]) -> Opened:
    try:
        return kind(**options)
    except _REFUSALS as error:
        raise _refusal(error) from None


def _refusal(error: Exception) -> NotConfigured:
    """The error for what httpx refuses. It shows no URL of a proxy, which may have a password in it."""
    if isinstance(error, OSError):
        return NotConfigured(f"the certificate authorities cannot be read (verify, SSL_CERT_FILE): {error}")
    names = [name for name in os.environ if name.upper() in _PROXIES]
    where = f"the environment's {', '.join(sorted(names))}" if names else "a proxy or another option"
    if not names and getproxies():
        where = "the system's proxy"
    why = str(error) if isinstance(error, ImportError) else _FORM
    return NotConfigured(f"no connection can be made with {where}: {why}")


class _NoCookies(CookieJar):
    """Keeps no cookies, since the API has none, and they would tie one request to another."""

    def extract_cookies(self, response: object, request: object) -> None:
        """Does nothing."""


class Reading:
    """Collects the body of a response, and checks the time for all of it by the client's clock."""

    def __init__(self, request: Request, clock: Clock, base_url: str) -> None:
        self._request = request
        self._base_url = base_url
        self._clock = clock
        self._until = clock.now() + request.timeout
        self._content = bytearray()

    def over(self, piece: bytes) -> bool:
        """Add a piece, and say whether the time is over."""
        self._content += piece
        return self._clock.now() > self._until

    def refused(self, error: BodyRefused) -> UnexpectedAnswer:
        beginning = bytes(self._content[:500]).decode("utf-8", "replace")
        return UnexpectedAnswer(f"the answer {error}", error.status, beginning)

    def answer(self, response: httpx.Response) -> Answer:
        return Answer(response.status_code, response.headers, bytes(self._content), self._base_url)

    def timed_out(self) -> RequestTimedOut:
        return _timed_out(self._request, self._base_url)


FAILURES = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError)
"""The errors of an exchange. httpx and h11 let a `ValueError` through, as for a length of thousands of digits."""
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL)
"""The errors that come before a request is sent."""
_CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "Connection refused": "nothing listens there: is the server running, and is the port right?",
        "Name or service not known": "is the host name right?",
        "nodename nor servname": "is the host name right?",
        "certificate is not valid for": "use a host name that the certificate is for",
        "CERTIFICATE_VERIFY_FAILED": "SSL_CERT_FILE names a file with the certificate authorities to trust",
        "WRONG_VERSION_NUMBER": "it speaks plain HTTP: write http://",
        "RECORD_LAYER_FAILURE": "it speaks plain HTTP: write http://",
    }
)
"""The likely cause by a part of the error's text."""
_LONGEST = 200
"""Characters of a path that are shown."""
_NOT_HTTP = ("Server disconnected", "Connection reset", "illegal status line")
"""The errors that a port of HTTPS causes to a request by HTTP, and others too."""


def lost(request: Request, error: Exception, base_url: str) -> ConnectionFailed:
    """The error for a request without a response. It leaves out httpx's request, which contains the API key."""
    if isinstance(error, httpx.TimeoutException):
        failed: ConnectionFailed = _timed_out(request, base_url)
    else:
        why = str(error) or type(error).__name__
        failed = ConnectionFailed(f"{_shown(request, base_url)} got no answer: {with_cause(why, base_url)}")
    if isinstance(error, _NOT_SENT):
        failed.sent = False
    return failed


def with_cause(why: str, url: str) -> str:
    """The text of an error, with its likely cause."""
    if cause := next((cause for part, cause in _CAUSES.items() if part.lower() in why.lower()), ""):
        return f"{why}; {cause}"
    mixed_up = url.startswith("http://") and any(part in why for part in _NOT_HTTP)
    return f"{why}; if it speaks HTTPS, write https://" if mixed_up else why


def _timed_out(request: Request, base_url: str) -> RequestTimedOut:
    return RequestTimedOut(f"{_shown(request, base_url)} took longer than {request.timeout:g} s")


def _shown(request: Request, base_url: str) -> str:
    path = request.path if len(request.path) <= _LONGEST else f"{request.path[:_LONGEST]}…"
    return f"{request.method} {base_url}{path}"
