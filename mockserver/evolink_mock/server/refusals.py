"""Responses to what is no request: malformed, too large, too late, or on a connection too many."""

from http import HTTPStatus
from typing import NamedTuple

from evolink_mock.api.responses import error_invalid

MAX_HEAD = 64 * 1024
"""Bytes of a request's line and headers, of its trailers, and of anything else that is neither head nor body."""


class Refusal(NamedTuple):
    """Why a connection ends: a status, an error code, and a sentence with the bound and what would be right."""

    status: HTTPStatus
    code: str
    message: str

    def response(self) -> bytes:
        """The whole response, in the shape of the API's errors; the connection ends behind it."""
        body = error_invalid(self.code, self.message, self.status).body
        head = f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\ncontent-type: application/json\r\n"
        return f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body


MALFORMED = Refusal(HTTPStatus.BAD_REQUEST, "malformed_request", "Invalid HTTP request received.")
HOST = Refusal(
    HTTPStatus.BAD_REQUEST,
    "invalid_host",
    "A request of HTTP/1.1 has exactly one Host header, with a host and perhaps a port (RFC 9112, 3.2)",
)
FOREIGN_HOST = Refusal(
    HTTPStatus.FORBIDDEN,
    "foreign_host",
    "This Host is neither a name of loopback, nor an address, nor that of the public URL, so a page of another site "
    "may have sent this request; call the emulator as localhost, or start it with --public-url",
)
_LARGE = f"The line and the headers of a request have at most {MAX_HEAD} bytes"
LONG_URL = Refusal(HTTPStatus.REQUEST_URI_TOO_LONG, "uri_too_long", _LARGE)
LARGE_HEAD = Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", _LARGE)


def late_head(seconds: float) -> Refusal:
    """The refusal of a request whose line and headers did not arrive in time."""
    message = f"The line and the headers of a request must arrive within {seconds:g} s (setting head_timeout)"
    return Refusal(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", message)


def late_body(seconds: float) -> Refusal:
    """The refusal of a request whose body did not arrive in time."""
    message = f"The body of a request must arrive within {seconds:g} s (setting body_timeout)"
    return Refusal(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", message)


def too_many_connections(most: int) -> Refusal:
    """The refusal of a connection beyond the bound."""
    message = f"The emulator has at most {most} connections open at one time (setting connection_limit); close some"
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_connections", message)
