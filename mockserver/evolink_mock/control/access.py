"""Who may steer the emulator: nobody's web page, and from other machines only who knows the token."""

from hmac import compare_digest
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from evolink_mock.api.asgi import response_of, send_response
from evolink_mock.api.headers import MAX_HEADER_BYTES
from evolink_mock.api.responses import error_control
from evolink_mock.settings import Settings
from evolink_mock.worlds.world import World

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_OPEN_PATHS = frozenset({"/__mock/health", "/__mock/ready"})
"""What anybody may read, since orchestrators ask it."""
_PAGE = "/__mock/ui"
"""The timeline's page, which a browser asks for without any header; what it shows it has to ask for like everybody."""
_TOKEN = b"x-mock-token"


class ControlAccess:
    """Stands before every control call.

    A browser tells on itself by `Origin` or `Sec-Fetch-Site`; such a request passes only when both the page and the
    host it names are this machine or the public URL, which also stops a page whose name was rebound to 127.0.0.1.
    """

    def __init__(self, app: ASGIApp, settings: Settings, outside: World) -> None:
        self._app = app
        self._token = None if settings.loopback else settings.control_token.encode()
        self._outside = outside
        public = urlsplit(settings.public_url).hostname
        self._own_hosts = _LOOPBACK_NAMES | ({public} if public else set())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        objection = self._objection(scope)
        if objection is None:
            await self._app(scope, receive, send)
            return
        code, message = objection
        status = {"cross_origin": 403, "token_required": 401, "headers_too_large": 400}[code]
        answer = error_control(status, code, message)
        reply = response_of(answer, self._outside)
        await send_response(send, reply, scope["method"])

    def _objection(self, scope: Scope) -> tuple[str, str] | None:
        if scope["path"] in _OPEN_PATHS or scope["path"].startswith(_PAGE):
            return None
        headers = dict(scope["headers"])
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
            return "headers_too_large", f"The headers of a control call have at most {MAX_HEADER_BYTES} bytes"
        origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
        named = _host(b"//" + headers.get(b"host", b""))
        # Its own page that knows the token may have been reached under any name.
        trusted = self._knows_token(headers) and site in (None, b"same-origin") and _host(origin or b"") == named
        if (origin is not None or site is not None) and not trusted:
            hosts = [named, *([_host(origin)] if origin is not None else [])]
            if site in (b"cross-site", b"same-site") or not all(host in self._own_hosts for host in hosts):
                return "cross_origin", "Cross-origin requests to the control API are not allowed"
        # Without any token nobody comes in: nobody said who may.
        if self._token is not None and not self._knows_token(headers):
            return "token_required", "Bound beyond loopback, control calls need the header X-Mock-Token"
        return None

    def _knows_token(self, headers: dict[bytes, bytes]) -> bool:
        return bool(self._token) and compare_digest(headers.get(_TOKEN, b""), self._token or b"")


def _host(url: bytes) -> str | None:
    try:
        return urlsplit(url.decode("latin-1")).hostname
    except ValueError:
        return None
