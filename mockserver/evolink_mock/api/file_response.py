"""Responses with a file: whole, in part, or 304 where the client has it; readable by pages of any origin."""

from hashlib import sha256
from urllib.parse import quote

from msgspec.structs import replace

from evolink_mock.api.byte_ranges import Unsatisfiable, matches, part_of
from evolink_mock.api.endpoint import Request
from evolink_mock.api.headers import Headers
from evolink_mock.api.responses import Result, error_result

# As content delivery networks send them, so that a page of any origin can show the file.
_CORS = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"accept-ranges, content-length, content-range, etag"),
)


def preflight(request: Request) -> Result:
    """A CORS preflight: whether a page may ask for parts."""
    allowed = ((b"access-control-allow-methods", b"GET, HEAD"), (b"access-control-allow-headers", b"range, if-range"))
    return Result(204, b"", (*_CORS, *allowed))


def without_range(request: Request) -> Request:
    """The request as HEAD: a part can be asked for by GET alone (RFC 9110, 14.2)."""
    return replace(request, headers={name: value for name, value in request.headers.items() if name != b"range"})


def file_response(headers: Headers, content: bytes, filename: str, content_type: bytes) -> Result:
    """As much of a file as the headers of a request ask for. `filename` has no quotes."""
    etag = f'"{sha256(content).hexdigest()[:32]}"'
    own = (
        *_CORS,
        (b"accept-ranges", b"bytes"),
        (b"etag", etag.encode()),
        (b"content-disposition", _disposition(filename)),
    )
    if matches(_text(headers, b"if-none-match"), etag):
        return Result(304, b"", own, content_type)
    try:
        part = part_of(len(content), _text(headers, b"range"), _text(headers, b"if-range"), etag)
    except Unsatisfiable:
        error = error_result("any", "range_not_satisfiable")
        return replace(error, headers=(*own, (b"content-range", b"bytes */%d" % len(content))))
    if part is None:
        return Result(200, content, own, content_type)
    selected = content[part.first : part.first + part.length]
    return Result(206, selected, (*own, (b"content-range", part.content_range.encode())), content_type)


def _disposition(filename: str) -> bytes:
    """The name twice where it is not ASCII, for clients of all ages (RFC 6266, appendix D)."""
    plain = "".join(char if char.isascii() else "_" for char in filename)
    extended = "" if plain == filename else f"; filename*=UTF-8''{quote(filename, safe='')}"
    return f'inline; filename="{plain}"{extended}'.encode()


def _text(headers: Headers, name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")
