"""A file as an answer: whole, in part, or not at all to who has it already; any page may show it."""

from hashlib import sha256

from evolink_mock.api.byte_ranges import Unsatisfiable, matches, part_of
from evolink_mock.api.endpoint import Headers, Request
from evolink_mock.api.responses import Result, error_result

# As those of a content network can be shown.
_ANYWHERE = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"accept-ranges, content-length, content-range, etag"),
)


def preflight(call: Request) -> Result:
    """A browser asks whether a page may ask for parts."""
    allowed = ((b"access-control-allow-methods", b"GET, HEAD"), (b"access-control-allow-headers", b"range, if-range"))
    return Result(204, b"", (*_ANYWHERE, *allowed))


def without_range(call: Request) -> Request:
    """As HEAD asks: a part can be asked for by GET alone (RFC 9110, 14.2)."""
    call.headers = {name: value for name, value in call.headers.items() if name != b"range"}
    return call


def fill_file_response(answer: Result, asked: Headers, content: bytes, filename: str) -> None:
    """Fill an answer of status 200 with as much of a file as was asked for. `filename` is plain ASCII."""
    etag = f'"{sha256(content).hexdigest()[:32]}"'
    headers = (
        *_ANYWHERE,
        (b"accept-ranges", b"bytes"),
        (b"etag", etag.encode()),
        (b"content-disposition", b'inline; filename="%s"' % filename.encode()),
    )
    answer.headers, answer.body = headers, content
    if matches(_text(asked, b"if-none-match"), etag):
        answer.status, answer.body = 304, b""
        return
    try:
        part = part_of(len(content), _text(asked, b"range"), _text(asked, b"if-range"), etag)
    except Unsatisfiable:
        refused = error_result("any", "range_not_satisfiable")
        answer.status, answer.body, answer.content_type = refused.status, refused.body, refused.content_type
        answer.headers = (*headers, (b"content-range", b"bytes */%d" % len(content)))
        return
    if part is not None:
        answer.status, answer.body = 206, content[part.first : part.first + part.length]
        answer.headers = (*headers, (b"content-range", part.content_range.encode()))


def _text(headers: Headers, name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")
