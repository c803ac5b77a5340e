"""Access control of the control API: token, `Origin` and `Host` checks."""

from hmac import compare_digest
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from evolink_mock.api.asgi import response_of, send_response
from evolink_mock.api.headers import MAX_HEADER_BYTES
from evolink_mock.api.responses import error_control
from evolink_mock.settings import Settings
from evolink_mock.worlds.config import sent_host
from evolink_mock.worlds.world import World

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_OPEN_PATHS = frozenset({"/__mock/health", "/__mock/ready"})
"""Open to everyone, since orchestrators call them."""
_PAGE = "/__mock/ui"
"""The page and its files, which browsers request without a token; its calls are checked like all others."""
_TOKEN = b"x-mock-token"


class ControlAccess:
    """ASGI middleware in front of every control call.

    A request with `Origin` or `Sec-Fetch-Site` comes from a browser; it passes only when both its origin and its
    `Host` are this machine or the public URL, which also stops a page whose name was rebound to 127.0.0.1.
    """

    def __init__(self, app: ASGIApp, settings: Settings, anonymous: World) -> None:
        self._app = app
        self._token = settings.control_token.encode() if settings.needs_token else None
        self._anonymous = anonymous
        public = sent_host(settings.public_url or settings.address)
        self._own_hosts = _LOOPBACK_NAMES | ({public} if public else set())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        violation = self._violation(scope)
        if violation is None:
            await self._app(scope, receive, send)
            return
        code, message = violation
        status = {"cross_origin": 403, "token_required": 401, "headers_too_large": 400}[code]
        result = error_control(status, code, message)
        await send_response(send, response_of(result, self._anonymous), scope["method"])

    def _violation(self, scope: Scope) -> tuple[str, str] | None:
        if scope["path"] in _OPEN_PATHS or scope["path"].startswith(_PAGE):
            return None
        headers = dict(scope["headers"])
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
            return "headers_too_large", f"The headers of a control call have at most {MAX_HEADER_BYTES} bytes"
        origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
        named = _host(b"//" + headers.get(b"host", b""))
        # The own page may have been opened under any host name; knowing the token is enough.
        trusted = self._has_token(headers) and site in (None, b"same-origin") and _host(origin or b"") == named
        if (origin is not None or site is not None) and not trusted:
            hosts = [named, *([_host(origin)] if origin is not None else [])]
            if site in (b"cross-site", b"same-site") or not all(host in self._own_hosts for host in hosts):
                return "cross_origin", "Cross-origin requests to the control API are not allowed"
        # Without a configured token every call is refused.
        if self._token is not None and not self._has_token(headers):
            return (
                "token_required",
                "Control calls need the header X-Mock-Token, since a control token is set or the emulator listens on a "
                "non-loopback address",
            )
        return None

    def _has_token(self, headers: dict[bytes, bytes]) -> bool:
        return bool(self._token) and compare_digest(headers.get(_TOKEN, b""), self._token or b"")


def _host(url: bytes) -> str | None:
    try:
        return urlsplit(url.decode("latin-1")).hostname
    except ValueError:
        return None
