"""Incremental reader of one HTTP/1 response, strict about its status line and lenient about the rest.

It does no input or output: bytes are fed to it, and however they are split, the result is the same. The status line
alone decides what an attempt came to. The rest is read for its beginning, which the record shows, and to find out
whether the connection can carry another request.
"""

import re
import sys
from collections.abc import Callable

MAX_HEAD = 64 * 1024
"""Bytes read for the status line and headers, with empty lines and interim responses before them."""
MAX_REST = 64 * 1024
"""Bytes read after the headers."""
_SHOWN = 64
"""Bytes kept of an answer that is not HTTP."""

_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9]{1,3})[ \t]{1,8}([0-9]{3})(?![0-9])")
_BEGINNING = re.compile(
    rb"\r?|H|HT|HTT|HTTP|HTTP/|HTTP/1|HTTP/1\.(?:[0-9]{1,3}(?:[ \t]{1,8}(?:[0-9]{0,2}|[0-9]{3}(?:[^0-9].*)?))?)?",
    re.DOTALL,
)
"""The beginning of a status line, or of an empty line before it."""
_EMPTY_LINE = re.compile(rb"\n\r?\n")
_FRAMING_FIELD = re.compile(
    rb"\n(content-length|transfer-encoding|connection)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE
)
"""A header that decides where the response ends, with the lines that continue it."""
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t\r]*(?:;|\Z)")
_LONGEST_LENGTH = 15
"""Digits of a length that is taken as it stands; a longer one is more than is read anyway."""

_SWITCHING, _NO_CONTENT, _NOT_MODIFIED = 101, 204, 304
_WITHOUT_BODY = (_SWITCHING, _NO_CONTENT, _NOT_MODIFIED)


class ResponseReader:
    """Reads the response to one request from the bytes that are fed to it."""

    def __init__(self) -> None:
        self.status: int | None = None
        """The status of the final response, as soon as its status line is whole."""
        self.not_http = False
        self.finished = False
        """Whether more bytes would change nothing, except that the connection cannot be used again."""
        self.complete = False
        """Whether the response came to its end."""
        self.reusable = False
        """Whether the connection can carry another request."""
        self._buffer = bytearray()
        self._at = self._searched = 0
        self._interim = False
        self._orderly = True
        self._length = 0
        self._left = 0
        self._chunks: bytearray | None = None
        self._step: Callable[[], bool] = self._read_status_line

    @property
    def decided(self) -> bool:
        """Whether the class of the result is known."""
        return self.status is not None or self.not_http

    @property
    def body(self) -> bytes:
        """The body, or its beginning."""
        return bytes(self._buffer[: min(self._length, MAX_REST)] if self._chunks is None else self._chunks)

    @property
    def beginning(self) -> bytes:
        """The first line of an answer that is not HTTP, or its beginning."""
        return bytes(self._buffer[self._at : self._at + _SHOWN]).partition(b"\n")[0].rstrip(b"\r")

    @property
    def began(self) -> bool:
        """Whether part of a response came before its status line was whole."""
        return self._interim or len(self._buffer) > self._at

    def feed(self, data: bytes) -> None:
        if self.finished:
            self.reusable = self.reusable and not data
            return
        self._buffer += data
        while self._step():
            pass

    def end(self) -> None:
        """The connection ended."""
        self.reusable = False
        self.finished = True

    def _finish(self, end: int | None = None) -> bool:
        """Finish at `end` of the buffer, or with a response that is not complete."""
        self.finished = True
        self.complete = end is not None
        self.reusable = self._orderly and end == len(self._buffer)
        return False

    def _read_status_line(self) -> bool:
        end = self._buffer.find(b"\n", max(self._at, self._searched), MAX_HEAD)
        if end < 0:
            self._searched = min(len(self._buffer), MAX_HEAD)
            if len(self._buffer) < MAX_HEAD and _BEGINNING.fullmatch(self._buffer, self._at):
                return False
            return self._refuse()
        line = bytes(self._buffer[self._at : end])
        if line in (b"", b"\r"):
            self._at, self._orderly = end + 1, False
            return True
        found = _STATUS_LINE.match(line)
        if found is None:
            return self._refuse()
        status = int(found[2])
        self._interim = 100 <= status < 200 and status != _SWITCHING
        # The line feed that ends the status line also begins an empty line after it.
        self._at = self._searched = end
        if not self._interim:
            self.status = status
            self._orderly = self._orderly and found[1] != b"0" and status != _SWITCHING
        self._step = self._read_head
        return True

    def _refuse(self) -> bool:
        self.not_http = True
        self._step = self._read_beginning
        return True

    def _read_beginning(self) -> bool:
        """Wait for the end of the first line, or for as much of it as is shown."""
        if len(self._buffer) - self._at >= _SHOWN or b"\n" in self._buffer[self._at :]:
            return self._finish()
        return False

    def _read_head(self) -> bool:
        found = _EMPTY_LINE.search(self._buffer, self._searched, MAX_HEAD)
        if found is None:
            if len(self._buffer) >= MAX_HEAD:
                return self._finish() if self.status is not None else self._refuse()
            self._searched = max(self._at, len(self._buffer) - 2)
            return False
        if self._interim:
            self._at, self._interim = found.end(), False
            self._searched = self._at
            self._step = self._read_status_line
            return True
        head = bytes(self._buffer[self._at : found.start()])
        del self._buffer[: found.end()]
        self._at = 0
        self._step = self._frame(head)
        return True

    def _frame(self, head: bytes) -> Callable[[], bool]:
        """The step that reads the body which the headers announce."""
        fields: dict[bytes, list[bytes]] = {b"content-length": [], b"transfer-encoding": [], b"connection": []}
        for found in _FRAMING_FIELD.finditer(head):
            fields[found[1].lower()] += (item.strip().lower() for item in found[2].split(b","))
        lengths, codings, options = fields.values()
        known = [_parse_length(item) for item in lengths if item.isdigit()]
        empty = self.status in _WITHOUT_BODY
        sized = not codings and len(lengths) == len(known) <= 1
        chunked = codings == [b"chunked"] and not lengths
        misplaced = empty and self.status != _NOT_MODIFIED and (chunked or any(known))
        self._orderly = self._orderly and b"close" not in options and (sized or chunked) and not misplaced
        if empty:
            # A body that comes nevertheless, and later, would be read as the beginning of the next response.
            self._orderly = self._orderly and known == [0]
            return self._read_sized
        codings = [coding for coding in codings if coding not in (b"", b"identity")]
        if codings and codings[-1] == b"chunked":
            self._chunks = bytearray()
            return self._read_chunk_size
        # The shortest of contradicting lengths needs no waiting; without any, the body ends with the connection.
        self._length = min(known) if known and not codings else sys.maxsize
        return self._read_sized

    def _read_sized(self) -> bool:
        if self._length <= min(len(self._buffer), MAX_REST):
            return self._finish(self._length)
        return self._wait()

    def _wait(self) -> bool:
        """Wait for more, within the limit."""
        if len(self._buffer) >= MAX_REST:
            self._finish()
        return False

    def _read_chunk_size(self) -> bool:
        end = self._buffer.find(b"\n", self._at, MAX_REST)
        if end < 0:
            return self._wait()
        found = _CHUNK_SIZE.match(bytes(self._buffer[self._at : end]))
        if found is None:
            return self._finish()
        self._left = int(found[1], 16)
        self._at = end + 1
        self._step = self._read_chunk if self._left else self._read_trailers
        return True

    def _read_chunk(self) -> bool:
        assert self._chunks is not None
        data = self._buffer[self._at : min(self._at + self._left, MAX_REST)]
        self._chunks += data
        self._at += len(data)
        self._left -= len(data)
        if self._left:
            return self._wait()
        self._step = self._read_chunk_end
        return True

    def _read_chunk_end(self) -> bool:
        follows = bytes(self._buffer[self._at : min(self._at + 2, MAX_REST)])
        if follows in (b"", b"\r"):
            return self._wait()
        if not follows.startswith((b"\n", b"\r\n")):
            return self._finish()
        self._at += follows.index(b"\n") + 1
        self._step = self._read_chunk_size
        return True

    def _read_trailers(self) -> bool:
        end = self._buffer.find(b"\n", self._at, MAX_REST)
        if end < 0:
            return self._wait()
        line = bytes(self._buffer[self._at : end])
        self._at = end + 1
        return True if line not in (b"", b"\r") else self._finish(self._at)


def _parse_length(digits: bytes) -> int:
    return int(digits) if len(digits) <= _LONGEST_LENGTH else sys.maxsize
