"""Responses with a file: whole, in part, or 304 where the client has it; readable by pages of any origin."""

from hashlib import sha256
from urllib.parse import quote

from msgspec.structs import replace

from evolink_mock.api.byte_ranges import Unsatisfiable, matches, part_of
from evolink_mock.api.endpoint import Request
from evolink_mock.api.headers import Headers
from evolink_mock.api.responses import FilePart, Result, error_result
from evolink_mock.media.cache import StoredFile
from evolink_mock.worlds.journal import KEPT_BODY

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


def file_response(
    headers: Headers, content: bytes | StoredFile, filename: str, content_type: bytes, digest: str = ""
) -> Result:
    """As much of a file as the headers of a request ask for. `filename` has no quotes.

    `digest` is that of the content, by SHA-256; without one it is computed.
    """
    size = len(content) if isinstance(content, bytes) else content.size
    etag = f'"{(digest or sha256(_whole(content)).hexdigest())[:32]}"'
    own = (
        *_CORS,
        (b"accept-ranges", b"bytes"),
        (b"etag", etag.encode()),
        (b"content-disposition", _disposition(filename)),
    )
    if matches(_text(headers, b"if-none-match"), etag):
        return Result(304, b"", own, content_type)
    try:
        part = part_of(size, _text(headers, b"range"), _text(headers, b"if-range"), etag)
    except Unsatisfiable:
        error = error_result("any", "range_not_satisfiable")
        return replace(error, headers=(*own, (b"content-range", b"bytes */%d" % size)))
    first, length = (0, size) if part is None else (part.first, part.length)
    ranged = () if part is None else ((b"content-range", part.content_range.encode()),)
    result = Result(200 if part is None else 206, b"", (*own, *ranged), content_type)
    if isinstance(content, bytes):
        return replace(result, body=content if part is None else content[first : first + length])
    return replace(result, file=FilePart(content, first, length), journal_response=_beginning(content, first, length))


def _whole(content: bytes | StoredFile) -> bytes:
    return content if isinstance(content, bytes) else content.read(0, content.size)


def _beginning(content: StoredFile, first: int, length: int) -> bytes:
    """As much of a part as the journal keeps."""
    return content.read(first, min(length, KEPT_BODY))


def _disposition(filename: str) -> bytes:
    """The name twice where it is not ASCII, for clients of all ages (RFC 6266, appendix D)."""
    plain = "".join(char if char.isascii() else "_" for char in filename)
    extended = "" if plain == filename else f"; filename*=UTF-8''{quote(filename, safe='')}"
    return f'inline; filename="{plain}"{extended}'.encode()


def _text(headers: Headers, name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")
