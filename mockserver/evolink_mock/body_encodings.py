"""Encodings of request bodies and files: the compression or the charset of what is not UTF-8, for error messages."""

import re

_COMPRESSED = (
    ("gzip", re.compile(rb"\x1f\x8b")),
    ("zstd", re.compile(rb"\x28\xb5\x2f\xfd")),
    ("deflate", re.compile(rb"\x78[\x01\x5e\x9c\xda]")),
)
_CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate", "br": "br", "zstd": "zstd", "compress": "compress"}
_CHARSETS = (
    ("UTF-32", re.compile(rb"\xff\xfe\0\0|\0\0\xfe\xff|[^\0]\0\0\0|\0\0\0[^\0]", re.DOTALL)),
    ("UTF-16", re.compile(rb"\xff\xfe|\xfe\xff|[^\0]\0[^\0]|\0[^\0]", re.DOTALL)),
)
"""By the byte-order mark, or by the zeros of the first two characters, which are ASCII in JSON and in forms."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CONTROL = re.compile(rb"[\0-\x08\x0e-\x1f]")


def body_encoding_error(body: bytes, content_encoding: bytes = b"") -> str | None:
    """A sentence on JSON that cannot be parsed: its encoding, and the right one; `None` where it is UTF-8."""
    if (error := foreign_encoding(body, content_encoding)) is not None:
        return error
    try:
        body.decode()
    except UnicodeDecodeError as wrong:
        return f"the body is not UTF-8: byte {wrong.start} is 0x{body[wrong.start]:02x}; send it in UTF-8"
    return None


def foreign_encoding(body: bytes, content_encoding: bytes = b"") -> str | None:
    """A sentence on a body that is compressed, in UTF-16 or UTF-32, or that begins with a byte-order mark."""
    if not _is_text(body):
        codings = content_encoding.decode("latin-1").lower().replace(" ", "").split(",")
        named = next((_CODINGS[each] for each in codings if each in _CODINGS), None)
        found = compression(body) or named
        if found is not None:
            return f"the body is compressed with {found}; send it uncompressed, without Content-Encoding"
    if (charset := wide_charset(body)) is not None:
        return f"the body is in {charset}; send it in UTF-8, without a byte-order mark"
    if body.startswith(BYTE_ORDER_MARK):
        return "the body begins with a byte-order mark; send it without one"
    return None


def compression(content: bytes) -> str | None:
    """The compression of a body or of a file by its first bytes, where it has one."""
    return next((name for name, magic in _COMPRESSED if magic.match(content)), None)


def wide_charset(content: bytes) -> str | None:
    """UTF-16 or UTF-32 where the content of a body or of a file is in one of them."""
    return next((name for name, start in _CHARSETS if start.match(content)), None)


def _is_text(body: bytes) -> bool:
    """Whether a body is UTF-8 without control characters."""
    try:
        return _CONTROL.search(body) is None and bool(body.decode())
    except UnicodeDecodeError:
        return False
