"""Body of a response: its bytes, inflated if they arrived compressed, up to a limit that counts both.

The client has the same module; neither package imports the other.
"""

import zlib
from collections.abc import Iterator
from http.cookiejar import CookieJar

import httpx

from evolink_contracts.reference.errors import NoResponse

IDENTITY = {"Accept-Encoding": "identity"}
"""The header that requests bodies as they are, since a compressed one of few bytes may inflate to many."""
_INFLATED = frozenset({"gzip", "x-gzip", "deflate"})
_EITHER_HEADER = zlib.MAX_WBITS | 32
"""For zlib: that of gzip or its own, as the data begin."""
_PIECE = 64 * 1024


class NoCookies(CookieJar):
    """Keeps no cookies, since the API has none, and they would tie one request to another."""

    def extract_cookies(self, response: object, request: object) -> None:
        """Does nothing."""


class Body:
    """Reads one body with at most `limit` bytes, as they arrive and as they are inflated.

    A body compressed once, by gzip or deflate, is inflated in pieces; any other encoding is refused.
    """

    def __init__(self, response: httpx.Response, limit: int) -> None:
        self._response = response
        self._limit = limit
        self._arrived = self._inflated = 0
        # A transport of the caller may have read and decoded the body already.
        self._in_memory = response.is_stream_consumed
        self._inflate = None if self._in_memory else _inflater(response)

    def pieces(self) -> Iterator[bytes]:
        """The content. Raises `NoResponse`, and the errors of httpx."""
        for chunk in self._response.iter_bytes() if self._in_memory else self._response.iter_raw():
            yield from self._decoded(chunk)
        self._end()

    def _decoded(self, chunk: bytes) -> Iterator[bytes]:
        self._arrived = self._counted(self._arrived, chunk)
        if self._inflate is None:
            yield chunk
            return
        # A full piece may have more behind it in the decompressor. What follows the end of the data is dropped.
        full = True
        while (chunk or full) and not self._inflate.eof:
            try:
                piece = self._inflate.decompress(chunk, _PIECE)
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from None
            self._inflated = self._counted(self._inflated, piece)
            yield piece
            chunk, full = self._inflate.unconsumed_tail, len(piece) == _PIECE

    def _end(self) -> None:
        if self._arrived and self._inflate is not None and not self._inflate.eof:
            raise httpx.DecodingError("the compressed data break off")

    def _counted(self, so_far: int, piece: bytes) -> int:
        if so_far + len(piece) > self._limit:
            raise NoResponse(f"its body has more than {self._limit:,} bytes")
        return so_far + len(piece)


def _inflater(response: httpx.Response) -> "zlib._Decompress | None":
    """The decompressor for the encoding of a response; `None` for identity. Raises `NoResponse`."""
    encoding = response.headers.get("content-encoding", "")
    codings = [coding for each in encoding.split(",") if (coding := each.strip().lower()) not in ("", "identity")]
    if not codings:
        return None
    if len(codings) > 1 or codings[0] not in _INFLATED:
        raise NoResponse(f"its body is encoded as {', '.join(codings)[:80]!r}, which was not requested")
    return zlib.decompressobj(_EITHER_HEADER)
