"""JPEG scans: counted before any is decoded, since a progressive image of few bytes may have thousands of them."""

import re

MOST_SCANS = 100
"""Encoders make about ten; each one more of 2,000 x 2,000 pixels takes milliseconds to decode."""

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""A marker within entropy-coded data, which has its own bytes of ones escaped (ITU T.81, B.1.1.5)."""


def has_too_many_scans(content: bytes) -> bool:
    """Whether an image has more scans than `MOST_SCANS`; false for what is no JPEG."""
    if content[:2] != b"\xff\xd8":
        return False
    at, scans = 2, 0
    while (found := _MARKER.search(content, at)) is not None:
        at, marker = found.end(), content[found.end() - 1]
        if marker == _EOI:
            break
        if marker in (0x01, _SOI):
            continue
        scans += marker == _SOS
        if scans > MOST_SCANS:
            return True
        at += int.from_bytes(content[at : at + 2]) or 2
    return False
