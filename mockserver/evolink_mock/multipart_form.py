"""Multipart forms: splits a multipart/form-data body into its parts, with errors that say what would be right."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from evolink_mock.body_encodings import BYTE_ORDER_MARK
from evolink_mock.core.request_headers import header_text

MAX_PARTS = 100
"""Parts of a form."""
_MAX_HEAD = 8 * 1024
"""Bytes of the headers of a part."""
_MAX_BOUNDARY = 256
_END = b"\r\n"
_ESCAPES = re.compile(rb"%[0-9A-Fa-f]{2}")
_FOLD = re.compile(rb"\r\n[ \t]+")
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):(.*)", re.DOTALL)


class FormPart(NamedTuple):
    """One part of a form: a file where its `Content-Disposition` has a filename, or else a field."""

    name: str
    filename: str | None
    has_extended_filename: bool
    """Whether it has the parameter `filename*`, which is not allowed here (RFC 7578, 4.2)."""
    content: bytes


class _Delimiter(NamedTuple):
    """A line of the boundary: its first byte, with the line end before it, and the first byte behind it."""

    start: int
    end: int
    is_last: bool


def parse_parts(boundary: bytes, body: bytes) -> list[FormPart] | None:
    """The parts of a form; `None` if no line of the body is its boundary. Raises `ValueError`.

    As RFC 2046 allows, lines or a byte-order mark may precede the first boundary, spaces may follow a boundary, and
    the headers of a part may be folded.
    """
    if len(boundary) > _MAX_BOUNDARY:
        raise ValueError(f"its boundary has {len(boundary)} bytes; use at most 70, as RFC 2046 requires")
    line = b"--" + boundary
    # Counted first, since each is compared.
    if body.count(b"\n" + line) > MAX_PARTS:
        raise ValueError(f"the form has too many parts: at most {MAX_PARTS}; send the file and its fields")
    first = _first_delimiter(line, body)
    if first is None:
        return None
    return [_part(body, start, end) for start, end in _spans(line, body, first)]


def _first_delimiter(line: bytes, body: bytes) -> _Delimiter | None:
    pattern = re.compile(re.escape(line) + rb"(--)?[ \t]*(\r\n|\r|\n|\Z)")
    place = len(BYTE_ORDER_MARK) if body.startswith(BYTE_ORDER_MARK) else 0
    while (match := pattern.match(body, place)) is None:
        place = body.find(b"\n" + line, place) + 1
        if place == 0:
            return None
    if match[2] == b"\n" or match[2] == b"\r":
        raise ValueError(_wrong_end("LF" if match[2] == b"\n" else "CR"))
    return _Delimiter(place, match.end(), match[1] is not None)


def _spans(line: bytes, body: bytes, delimiter: _Delimiter) -> Iterator[tuple[int, int]]:
    """The first byte of each part, and the first byte behind it."""
    pattern = re.compile(re.escape(_END + line) + rb"(?:(--)|[ \t]*(?:\r\n|\Z))")
    while not delimiter.is_last:
        # The line end of a delimiter is also that of the one behind it, if the part between them is empty.
        place = begin = delimiter.end - len(_END)
        while (match := pattern.match(body, place)) is None:
            place = body.find(_END + line, place + 1)
            if place == -1:
                raise ValueError(_missing_end(line, body, delimiter.end))
        if match.start() > begin:
            yield delimiter.end, match.start()
        delimiter = _Delimiter(match.start(), match.end(), match[1] is not None)


def _missing_end(line: bytes, body: bytes, start: int) -> str:
    if body.find(b"\n" + line + b"--", start) != -1:
        return _wrong_end("LF")
    return "it is cut off: the boundary behind its last part is missing"


def _wrong_end(end: str) -> str:
    return f"a line ends with {end} alone; end the boundaries and the headers of a form with CR and LF (RFC 2046)"


def _part(body: bytes, start: int, end: int) -> FormPart:
    # Imported late, since it would take part of every start.
    from python_multipart.multipart import parse_options_header

    headers, content = _split(body, start, end)
    disposition = headers.get(b"content-disposition", b"")
    _, options = parse_options_header(disposition)
    if b"name" not in options:
        raise ValueError('a part has no name="..." in its Content-Disposition')
    filename = options.get(b"filename")
    extended = re.search(rb";\s*filename\*", disposition, re.IGNORECASE) is not None
    text = None if filename is None else _file_name(filename)
    encoding = headers.get(b"content-transfer-encoding", b"").lower()
    return FormPart(header_text(options[b"name"]), text, extended, _decoded(content, encoding))


def _split(body: bytes, start: int, end: int) -> tuple[Mapping[bytes, bytes], bytes]:
    """The headers of a part, by their names in lower case, and its content."""
    if body.startswith(_END, start):
        return {}, body[start + len(_END) : end]
    last = min(end, start + _MAX_HEAD)
    stop = body.find(_END + _END, start, last)
    if stop == -1:
        if body.find(b"\n\n", start, last) != -1:
            raise ValueError(_wrong_end("LF"))
        raise ValueError(
            f"a part has no empty line behind its headers; it must follow within {_MAX_HEAD} bytes, before the content"
        )
    lines = _FOLD.sub(b" ", body[start:stop]).split(_END)
    return dict(map(_header, lines)), body[stop + 2 * len(_END) : end]


def _header(line: bytes) -> tuple[bytes, bytes]:
    match = _HEADER.fullmatch(line)
    if b"\n" in line or b"\r" in line:
        raise ValueError(_wrong_end("LF" if b"\n" in line else "CR"))
    if match is None:
        shown = header_text(line)[:60]
        raise ValueError(f"a part has the line {shown!r} among its headers; write Name: value, with no space before :")
    return match[1].lower(), match[2].strip()


def _decoded(content: bytes, encoding: bytes) -> bytes:
    """The content of a part without its transfer encoding."""
    if encoding == b"quoted-printable":
        return binascii.a2b_qp(content)
    if encoding != b"base64":
        return content
    try:
        return base64.b64decode(content)
    except binascii.Error:
        raise ValueError(
            "a part has Content-Transfer-Encoding: base64, but its content is not base64; send the bytes as they are"
        ) from None


def _file_name(filename: bytes) -> str:
    """A file name, which clients send in UTF-8, as it is or percent-encoded (RFC 7578, 4.2)."""
    if filename.isascii() and _ESCAPES.search(filename):
        with suppress(UnicodeDecodeError):
            return unquote_to_bytes(filename).decode()
    return header_text(filename)
