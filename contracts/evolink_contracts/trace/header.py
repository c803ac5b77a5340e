"""Header of a recording: the service that was recorded, and when; without any secret."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Header:
    """The first line of a recording. Both fields are `None` if they are unknown, as in recordings of other programs."""

    base_url: str | None = None
    """The base URL of the service, without credentials, query and fragment."""
    recorded: str | None = None
    """The date and time in UTC, such as `2026-11-29T03:10:00Z`."""


UNKNOWN = Header()


def without_secrets(url: str) -> str:
    """A base URL without credentials, query, fragment and trailing slash, to be shown in reports."""
    plain = url.partition("#")[0].partition("?")[0]
    scheme, mark, rest = plain.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}".rstrip("/")


def origin_of(url: str) -> str:
    """The scheme, host and port of a URL, whose path may be a secret."""
    parts = urlsplit(without_secrets(url))
    return f"{parts.scheme}://{parts.netloc}"


def merged(headers: Iterable[Header], *, first: bool) -> Header:
    """The header of a whole file. `first` is whether it begins with one; else an unknown service comes first.

    Files that were put together name a service only if all parts name the same one, and the time of the first.
    """
    found = list(headers)
    if not first or len({header.base_url for header in found}) != 1:
        return UNKNOWN
    return found[0]
