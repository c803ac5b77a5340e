"""PEM files of certificate authorities, also with byte-order marks, as Windows editors write them.

OpenSSL may skip a certificate that follows such a mark; joined files have some in the middle.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from evolink_mock.body_encodings import BYTE_ORDER_MARK, wide_charset

if TYPE_CHECKING:
    import ssl

_ENVIRONMENT = "SSL_CERT_FILE"


def load_certificates(context: "ssl.SSLContext", file: str) -> None:
    """Trust the certificates of a file. Raises `OSError`, of which `ssl.SSLError` is one."""
    content = Path(file).read_bytes()
    if BYTE_ORDER_MARK in content:
        context.load_verify_locations(cadata=_plain(content))
    else:
        context.load_verify_locations(file)


def marked_authorities() -> "ssl.SSLContext | None":
    """A context with the authorities of SSL_CERT_FILE where OpenSSL cannot read all of them. Raises `OSError`."""
    file = Path(os.environ.get(_ENVIRONMENT) or os.devnull)
    content = file.read_bytes() if file.is_file() else b""
    if (charset := wide_charset(content)) is not None:
        raise OSError(f"{file} is in {charset}; save it in UTF-8")
    if BYTE_ORDER_MARK not in content:
        return None
    import ssl

    return ssl.create_default_context(cadata=_plain(content))


def _plain(content: bytes) -> str:
    """PEM as Python takes it: the certificates are ASCII, and what is between them is no concern."""
    return content.replace(BYTE_ORDER_MARK, b"").decode("latin-1").encode("ascii", "replace").decode()
