"""Fetcher: headers of a source's response that browsers accept do not make its file unreadable."""

import asyncio
import os
import ssl
import sys
from pathlib import Path

import pytest
import trustme

from evolink_mock.core.media_routes import FromFile, FromServer
from evolink_mock.media.acceptance import Unreadable
from evolink_mock.media.fetcher import Fetched, Fetcher
from tests.support.raw_server import RawServer

FIELDS = {
    "a long header": b"Content-Security-Policy: " + b"x" * 60_000 + b"\r\n",
    "many headers": b"X: y\r\n" * 1_000,
    "a long reason": b"",
}


@pytest.mark.parametrize("fields", FIELDS)
def test_a_file_is_fetched_whatever_headers_come_with_it(fields: str) -> None:
    reason = b"x" * 20_000 if fields == "a long reason" else b"OK"
    answer = b"HTTP/1.1 200 " + reason + b"\r\n" + FIELDS[fields] + b"Content-Length: 4\r\n\r\nfile"

    async def main() -> Fetched:
        async with RawServer(answer) as server:
            return await Fetcher().fetch(FromServer(server.base_url, "/cat.jpg", "cdn.example.com"), 100)

    assert asyncio.run(main()) == b"file"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte-order mark"])
def test_the_authorities_of_the_environment_may_have_a_byte_order_mark(mark: bytes, tmp_path: Path) -> None:
    authority = trustme.CA()
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(own)
    # OpenSSL skips the last certificate of joined files that all have marks.
    joined = mark + trustme.CA().cert_pem.bytes() + b"\r\n" + mark + authority.cert_pem.bytes()
    (tmp_path / "ca.pem").write_bytes(joined)
    fetch = (
        "import asyncio, sys",
        "from evolink_mock.core.media_routes import FromServer",
        "from evolink_mock.media.fetcher import Fetcher",
        "print(asyncio.run(Fetcher().fetch(FromServer(sys.argv[1], '/cat.jpg', 'cdn.example.com'), 100)))",
    )

    async def main() -> bytes:
        async with RawServer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfile", own) as server:
            # In a process of its own, since aiohttp reads the authorities when it is imported.
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", "\n".join(fetch), server.base_url),
                env={**os.environ, "SSL_CERT_FILE": str(tmp_path / "ca.pem")},
                stdout=asyncio.subprocess.PIPE,
            )
            printed, _ = await process.communicate()
        return printed.strip()

    assert asyncio.run(main()) == b"b'file'"


@pytest.mark.parametrize(
    "path", ["/loop/cat.jpg", "/loop", f"/{'x' * 300}.jpg", "/a\0b", f"/{'x/' * 3000}cat.jpg", "/closed.jpg"]
)
def test_a_file_that_cannot_be_opened_is_an_error_without_the_place_of_the_directory(path: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "closed.jpg").symlink_to("closed.jpg")
    found = asyncio.run(Fetcher().fetch(FromFile(tmp_path.resolve(), path), 100))
    assert isinstance(found, Unreadable)
    assert "could not be fetched: /" in found.why
    assert str(tmp_path) not in found.why
    assert path != "/loop" or found.why == "could not be fetched: /loop: Too many levels of symbolic links"
