"""Wire faults: responses that fail on the connection, by name, as data that any transport can follow.

Each is what a real network or gateway does when it fails, never a false answer of the API.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from evolink_mock.core.duration import SECOND, Micros

WirePart: TypeAlias = Literal["head", "half", "garbage", "settle", "reset", "close"]


class WireFault(NamedTuple):
    """A fault: whether it `executes_operation` all the same, and the `parts` that the connection sees, in order.

    Without parts a response is sent whole, but changed by `altered`, or slowly, in the pieces of `dripped`.
    """

    summary: str
    executes_operation: bool
    parts: tuple[WirePart, ...] = ()


WIRE_FAULTS: Mapping[str, WireFault] = MappingProxyType(
    {
        "reset_before": WireFault("the connection is reset, and nothing happens", False, ("reset",)),
        "reset_midway": WireFault("the connection is reset half-way", True, ("head", "half", "settle", "reset")),
        "empty": WireFault("the connection is closed without a response, and nothing happens", False, ("close",)),
        "truncated_json": WireFault("half of the JSON, as a complete response", True),
        "html_502": WireFault("a gateway's HTML page with status 502, and nothing happens", False),
        "drip": WireFault("a few bytes at a time, for 3 s or drip_time", True),
        "garbage_after": WireFault("excess bytes follow the response", True, ("head", "garbage", "close")),
        "commit_then_drop": WireFault("the task is created and billed, and the response is lost", True, ("reset",)),
    }
)

COMMITTING = frozenset({"commit_then_drop"})
"""Faults of the create call alone: other operations commit nothing."""

DRIP_TIME: Micros = 3 * SECOND
_DROPS = 20
_GARBAGE = b"\x00\xff\x16\x03\x01 not an answer \xfe"
_SETTLE: Micros = SECOND // 20
"""Pause before a reset, which would discard the bytes still on their way."""

HTML_502 = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>gateway</center>\r\n</body>\r\n</html>\r\n"
)

WireAction: TypeAlias = bytes | Micros | Literal["reset", "close"]
"""Bytes to send, microseconds of wall time to wait, or how the connection ends."""


def altered(fault: str, status: int, content_type: bytes, body: bytes) -> tuple[int, bytes, bytes]:
    """Status, content type and body of a response as the fault changes them."""
    if fault == "html_502":
        return 502, b"text/html", HTML_502
    if fault == "truncated_json":
        return status, content_type, body[: len(body) // 2]
    return status, content_type, body


def wire_script(fault: str, head: bytes, body: bytes) -> Iterator[WireAction]:
    """The actions on the connection that replace the sending of a response."""
    half = len(body) // 2
    for part in WIRE_FAULTS[fault].parts:
        match part:
            case "head":
                yield head
            case "half":
                yield body[:half]
            case "garbage":
                # In one piece, or a client that reads one response and leaves would never see it.
                yield body + _GARBAGE
            case "settle":
                yield _SETTLE
            case "reset" | "close":
                yield part


def dripped(body: bytes, time: Micros | None) -> tuple[list[bytes], Micros]:
    """The pieces of a body that is sent over `time`, and the pause between them."""
    size = max(-(-len(body) // _DROPS), 1)
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return pieces, (DRIP_TIME if time is None else time) // max(len(pieces) - 1, 1)
