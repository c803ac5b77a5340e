"""Text files of users: UTF-8, with or without byte-order marks; an error names any other encoding."""

import re
from pathlib import Path

from evolink_contracts.reference.errors import ForeignEncoding

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WIDE = (
    ("UTF-32", re.compile(rb"\xff\xfe\0\0|\0\0\xfe\xff|[^\0]\0\0\0|\0\0\0[^\0]", re.DOTALL)),
    ("UTF-16", re.compile(rb"\xff\xfe|\xfe\xff|[^\0]\0[^\0]|\0[^\0]", re.DOTALL)),
)
"""By the byte-order mark, or by the zeros of the first two characters, which are ASCII in JSON and in PEM."""


def read_utf8(file: Path) -> str:
    """The text of a file without a byte-order mark. Raises `OSError`, and `ForeignEncoding` with the encoding."""
    content = file.read_bytes().removeprefix(BYTE_ORDER_MARK)
    if (charset := wide_charset(content)) is not None:
        raise ForeignEncoding(f"it is in {charset}; save it in UTF-8")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ForeignEncoding(f"line {line} is not UTF-8: it has the byte 0x{content[error.start]:02x}") from None


def wide_charset(content: bytes) -> str | None:
    """UTF-16 or UTF-32 where the content of a file is in one of them."""
    return next((name for name, start in _WIDE if start.match(content)), None)
