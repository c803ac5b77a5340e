"""Byte ranges and conditional requests (RFC 9110, sections 13 and 14)."""

import re
from typing import NamedTuple

_ONE = re.compile(r"bytes\s*=\s*(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))\s*", re.IGNORECASE)


class Part(NamedTuple):
    """`length` bytes of `size`, beginning with number `first`."""

    first: int
    length: int
    size: int

    @property
    def content_range(self) -> str:
        return f"bytes {self.first}-{self.first + self.length - 1}/{self.size}"


class Unsatisfiable(Exception):
    """The range begins behind the last byte."""


def part_of(size: int, asked: str | None, unless_changed: str | None, etag: str) -> Part | None:
    """The part that `Range` asks for; `None` for the whole. Raises `Unsatisfiable`.

    `unless_changed` is `If-Range`: another entity tag than `etag`, or a date, asks for the whole. What is no single
    range of bytes is not followed, as the RFC allows.
    """
    if asked is None or (unless_changed is not None and unless_changed.strip() != etag):
        return None
    match = _ONE.fullmatch(asked.strip())
    if match is None:
        return None
    start, end, last = match.groups()
    if last is not None:
        count = min(int(last), size)
        first = size - count
    else:
        first = int(start)
        stop = min(int(end), size - 1) if end else size - 1
        if end and int(end) < first:
            return None
        count = stop - first + 1
    if count <= 0 or first >= size:
        raise Unsatisfiable
    return Part(first, count, size)


def matches(tags: str | None, etag: str) -> bool:
    """Whether `If-None-Match` names this entity, by weak comparison."""
    if tags is None:
        return False
    return tags.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in tags.split(","))
