"""Hint at `https://` for a route by HTTP that leads to a port of HTTPS."""

import re

from evolink_mock.core.callback_routes import Destination
from evolink_mock.core.delivery import AttemptError

_REFUSALS = re.compile(
    # Go; nginx; Apache.
    rb"HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS port|plain HTTP to an SSL-enabled server",
    re.IGNORECASE,
)
_ALERT = re.compile(r"(?<!\\)\\++x15\\++x03")
"""The beginning of an alert of TLS, as the message of an error shows it."""
_UNCLEAR: tuple[AttemptError, ...] = ("reset", "empty")
"""Failures that a port of HTTPS causes, and others too."""


def hint_of_response(status: int, beginning: bytes, destination: Destination) -> str:
    """The hint of a response that refuses plain HTTP; empty for any other."""
    refuses = status == 400 and _REFUSALS.search(beginning) is not None
    return f"it speaks HTTPS: write {_right(destination)}" if refuses and _is_plain(destination) else ""


def with_hint(error: AttemptError, message: str, destination: Destination) -> str:
    """The message of a failed attempt, with the hint where HTTPS may be the cause."""
    if not _is_plain(destination):
        return message
    if error == "not_http" and _ALERT.search(message):
        return f"it speaks HTTPS: write {_right(destination)}"
    return f"{message}; if it speaks HTTPS, write {_right(destination)}" if error in _UNCLEAR else message


def _is_plain(destination: Destination) -> bool:
    return destination.kind == "network" and destination.place.startswith("http://")


def _right(destination: Destination) -> str:
    return f"https://{destination.place.removeprefix('http://')} in the route"
