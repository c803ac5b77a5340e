"""Static files of the pages, served from the package with their security headers.

Not starlette's `StaticFiles`: its errors have another shape, and its headers no date of the clock and no request id.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from evolink_mock.api.asgi import response_of, send_response
from evolink_mock.api.responses import Result, error_control, error_method_not_allowed
from evolink_mock.worlds.world import World

_HOME = Path(__file__).parent / "ui"
HTML = b"text/html; charset=utf-8"
_KINDS: Mapping[str, bytes] = {
    ".html": HTML,
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
}
PAGE = "/ui"
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = (
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
)


class Pages:
    """The timeline page and its files, by name. They contain nothing of any world, so they need no key."""

    def __init__(self, anonymous: World) -> None:
        self._anonymous = anonymous

    def routes(self) -> list[Route]:
        return [Route(path, self) for path in (PAGE, f"{PAGE}/", f"{PAGE}/{{name}}")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        result = self._result(scope["method"], scope["path_params"].get("name", "index.html"))
        await send_response(send, response_of(result, self._anonymous), scope["method"])

    def _result(self, method: str, name: str) -> Result:
        if method not in ("GET", "HEAD"):
            return error_method_not_allowed(
                error_control(405, "method_not_allowed", "A page takes GET and HEAD"), ("GET", "HEAD")
            )
        files = page_files()
        if name not in files:
            return error_control(404, "not_found", "No such part of the page")
        return Result(200, files[name], SECURITY_HEADERS, _KINDS[Path(name).suffix])


@lru_cache(maxsize=1)
def page_files() -> Mapping[str, bytes]:
    return {file.name: file.read_bytes() for file in _HOME.iterdir() if file.suffix in _KINDS}
