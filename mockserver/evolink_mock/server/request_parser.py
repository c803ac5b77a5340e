"""HTTP/1.1 parser that ignores an offered upgrade."""

from array import array
from typing import Protocol

import httptools


class Owner(Protocol):
    """The protocol whose callbacks a parser calls."""

    def parse_head_again(self) -> "RequestParser":
        """A parser that has read the head of the present message without the upgrade that it offers."""
        ...


class RequestParser(httptools.HttpRequestParser):
    """A parser that ignores an offered upgrade, as RFC 9110 (7.8) lets a server, and keeps the request's body.

    httptools ends a message at the head that offers one, and takes its body for bytes of another protocol. JDK clients
    and `curl --http2` offer HTTP/2 with each request. Such a message is parsed again, without the offer.
    """

    def __init__(self, owner: Owner) -> None:
        super().__init__(owner)
        self._owner = owner
        # As uvicorn sets up its own: bytes behind a request that asked to close are no error.
        self.set_dangerous_leniencies(lenient_data_after_close=True)

    def offers_upgrade(self) -> bool:
        """Whether the present message offers an upgrade that is ignored."""
        return self.should_upgrade() and self.get_method() != b"CONNECT"

    def feed_data(self, data: "bytes | bytearray | memoryview | array[int]") -> None:
        parser, rest = self, data
        # A loop, since one packet may hold any number of requests that offer an upgrade.
        while True:
            try:
                super(RequestParser, parser).feed_data(rest)
            except httptools.HttpParserUpgrade as offer:
                if parser.get_method() == b"CONNECT":
                    raise
                parser, rest = self._owner.parse_head_again(), memoryview(rest)[offer.args[0] :]
            else:
                return
