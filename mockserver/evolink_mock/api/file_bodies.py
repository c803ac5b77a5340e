"""Bodies of the file endpoints: parses JSON and multipart requests, and wraps results as the vendor does."""

import base64
import binascii
import re
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from evolink_contracts.spec.files import FILE_ERRORS, MAX_BYTES
from evolink_mock.api.headers import Headers
from evolink_mock.api.responses import Result
from evolink_mock.body_encodings import body_encoding_error, foreign_encoding
from evolink_mock.core.request_headers import header_text
from evolink_mock.multipart_form import FormPart, parse_parts
from evolink_mock.nesting import nesting_error

_FILE = "file"
_IN_URLS = (("%2B", "+"), ("%2F", "/"), ("%3D", "="), ("%0A", "\n"), ("%0D", "\r"))
"""Characters of base64 that a data URL may have percent-encoded."""
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/_-]")

_encode = msgspec.json.Encoder().encode


class Form(NamedTuple):
    """A parsed multipart/form-data body."""

    parts: list[FormPart]

    def field(self, *names: str) -> str | None:
        """The text of a field, by the first of its names."""
        fields = {part.name: part.content.decode("utf-8", "replace") for part in self.parts if part.filename is None}
        return next((fields[name] for name in names if name in fields), None)

    def file(self) -> FormPart | Result:
        """The part called `file`; or an error that names what is missing."""
        files = [part for part in self.parts if part.name == _FILE and part.filename is not None]
        return files[0] if len(files) == 1 else file_error("invalid", self._missing(len(files)))

    def _missing(self, files: int) -> str:
        if files:
            return f"there must be one part called file; got {files}"
        if not self.parts:
            return "the form has no parts; send the file as a part called file"
        named = next((part for part in self.parts if part.name == _FILE), None)
        add = 'add filename="..." to its Content-Disposition'
        if named is not None and named.has_extended_filename:
            return f"the part called file has filename* alone, which RFC 7578 does not allow in a form; {add}"
        if named is not None:
            return f"the part called file has no filename, so it is a text field; {add} (curl: -F file=@PATH)"
        other = next((part for part in self.parts if part.filename is not None or part.has_extended_filename), None)
        if other is not None:
            return f"the form has no part called file; the file is in the part {other.name[:40]!r}: call it file"
        names = ", ".join(repr(part.name[:40]) for part in self.parts[:5])
        return f"the form has no part called file, with a filename; it has the text fields {names}"


def parse_json(required: str, headers: Headers, body: bytes | None) -> dict[str, Any] | Result:
    """The object that a request consists of, in which `required` is a string; or the error."""
    if body is None:
        return file_too_large()
    coding = headers.get(b"content-encoding", b"")
    if (deep := nesting_error(body)) is not None:
        # Bytes that are no text may have the brackets of deep JSON.
        encoding = body_encoding_error(body, coding)
        return file_error("invalid", deep if encoding is None else f"the body is not valid JSON: {encoding}")
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        encoding = body_encoding_error(body, coding)
        return file_error("invalid", f"the body is not valid JSON: {encoding or str(error)[:100]}")
    if not isinstance(found, dict):
        return file_error("invalid", "the body must be a JSON object")
    if not isinstance(found.get(required), str) or not found[required]:
        return file_error("invalid", f"{required} is required and must be a string")
    return found


def parse_base64(text: str) -> bytes | Result:
    """The content of a base64 string or a data URL; or the error.

    Line breaks, missing padding and the URL-safe alphabet are accepted, as tools print them.
    """
    data = text.lstrip("\ufeff \t\r\n")
    if data[:5].lower() == "data:":
        head, comma, data = data.partition(",")
        if not comma or not head.lower().rstrip().endswith(";base64"):
            return file_error("invalid", "base64_data is a data URL without ;base64, before its content")
        for escape, char in _IN_URLS if "%" in data else ():
            data = data.replace(escape, char).replace(escape.lower(), char)
    # Most are right but for their line breaks, and these ways are the fastest.
    for each in (data, data.replace("\r", "").replace("\n", "")):
        with suppress(binascii.Error, ValueError):
            return binascii.a2b_base64(each, strict_mode=True) or file_error("invalid", "base64_data has no content")
    compact = "".join(map(_base64_in, _lines(data))).rstrip("=")
    if (wrong := _NOT_BASE64.search(compact)) is not None:
        place = len(text) - len(data) + _place(data, wrong.start())
        return file_error("invalid", _wrong_character(wrong[0], place))
    if len(compact) % 4 == 1:
        return file_error("invalid", f"base64_data is cut off: {len(compact)} characters without = encode no bytes")
    content = base64.urlsafe_b64decode(compact.replace("+", "-").replace("/", "_") + "=" * (-len(compact) % 4))
    return content or file_error("invalid", "base64_data has no content")


def _lines(data: str) -> list[str]:
    return data.replace("\r", "\n").split("\n")


def _base64_in(line: str) -> str:
    """The base64 of one line; none where it is a line that `certutil` and PEM have around base64."""
    found = line.strip(" \t")
    return "" if found.startswith(("-----BEGIN ", "-----END ")) and found.endswith("-----") else found


def _place(data: str, place: int) -> int:
    """The place of a character in the text, counted from 1, from its place in the base64 of all lines."""
    start = 0
    for line in _lines(data):
        found = _base64_in(line)
        if place < len(found):
            return start + len(line) - len(line.lstrip(" \t")) + place + 1
        place -= len(found)
        start += len(line) + 1
    return start


def _wrong_character(char: str, place: int) -> str:
    shown = f"{char!r}" if char.isascii() else f"{char!r} (U+{ord(char):04X})"
    right = "base64 has letters, digits, + and / (or - and _), and = at its end"
    hint = "; a + may have become a space on its way" if char == " " else ""
    return f"base64_data is not base64: {shown} is its character {place}; {right}{hint}"


def parse_form(headers: Headers, body: bytes) -> Form | Result:
    """The parts of a multipart/form-data body; or the error."""
    # Imported late, since it would take part of every start.
    from python_multipart.multipart import parse_options_header

    content_type = header_text(headers.get(b"content-type", b""))
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        return file_error("invalid", f"the content type must be multipart/form-data; got {content_type[:60]!r}")
    boundary = options.get(b"boundary")
    if not boundary:
        return file_error("invalid", "the content type has no boundary; let the HTTP client write this header")
    try:
        parts = parse_parts(boundary, body)
    except ValueError as error:
        return file_error("invalid", f"the body is not multipart/form-data: {error}")
    if parts is None:
        shown = header_text(b"--" + boundary)[:80]
        encoding = foreign_encoding(body, headers.get(b"content-encoding", b"")) if body else "it is empty"
        reason = encoding or f"it has no line {shown}, the boundary of the content type"
        return file_error("invalid", f"the body is not multipart/form-data: {reason}")
    return Form(parts)


def file_success(data: object, msg: str = "success") -> Result:
    """A successful result in the vendor's envelope."""
    return Result(200, _encode({"success": True, "code": 200, "msg": msg, "data": data}))


def file_error(condition: str, msg: str | None = None) -> Result:
    """An error of the file endpoints in the vendor's envelope."""
    row = FILE_ERRORS[condition]
    return file_refusal(row.status, msg or row.msg, row.code)


def file_refusal(status: int, msg: str, code: int | None = None) -> Result:
    """An error in the vendor's envelope; its code is the status unless given."""
    return Result(status, _encode({"success": False, "code": code or status, "msg": msg}))


def file_too_large() -> Result:
    return file_error("too_large", f"File is too large: at most {MAX_BYTES // 2**20}MB")
