"""Fetcher: headers of a source's response that browsers accept do not make its file unreadable."""

import asyncio

import pytest

from evolink_mock.core.media_routes import FromServer
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
