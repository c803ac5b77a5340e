"""PEM files with byte-order marks, as Windows editors write them: OpenSSL may skip what follows such a mark."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from evolink_contracts.reference.text_files import BYTE_ORDER_MARK, wide_charset

if TYPE_CHECKING:
    import ssl

_AUTHORITIES = "SSL_CERT_FILE"


@contextmanager
def without_marks(*files: Path) -> Iterator[list[Path]]:
    """The same files, or copies of them without the marks. Raises `OSError` that names a file in UTF-16."""
    contents = [_content(file) for file in files]
    if not any(BYTE_ORDER_MARK in content for content in contents):
        yield list(files)
        return
    with TemporaryDirectory() as home:
        copies = [Path(home, str(number)) for number in range(len(files))]
        for copy, content in zip(copies, contents, strict=True):
            copy.touch(0o600)
            copy.write_bytes(content.replace(BYTE_ORDER_MARK, b""))
        yield copies


def authorities() -> "ssl.SSLContext | bool":
    """`verify` of httpx: `True`, or the authorities of an `SSL_CERT_FILE` that has marks. Raises `OSError`."""
    file = Path(os.environ.get(_AUTHORITIES) or os.devnull)
    content = _content(file) if file.is_file() else b""
    if BYTE_ORDER_MARK not in content:
        return True
    import ssl

    # The certificates are ASCII, and what is between them is no concern.
    text = content.replace(BYTE_ORDER_MARK, b"").decode("latin-1").encode("ascii", "replace").decode()
    return ssl.create_default_context(cadata=text)


def _content(file: Path) -> bytes:
    content = file.read_bytes()
    if (charset := wide_charset(content)) is not None:
        raise OSError(f"{file} is in {charset}; save it in UTF-8")
    return content
