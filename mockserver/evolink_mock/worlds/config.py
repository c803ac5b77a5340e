"""Configuration that all worlds of one emulator have in common."""

import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from evolink_mock.clock import Clock, ClockFactory, Mode
from evolink_mock.core.behaviour import DOCUMENTED, Behaviour
from evolink_mock.core.choices import Choices
from evolink_mock.core.distribution import Distribution
from evolink_mock.core.url_policy import folded_host
from evolink_mock.worlds.log import LogBudget
from evolink_mock.worlds.ready_queue import ReadyQueue
from evolink_mock.worlds.snapshot import SavedWorld
from evolink_mock.worlds.store import StorageBackend

_HOST = re.compile(rb"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


@lru_cache(maxsize=256)
def _host_name(host: bytes) -> str:
    """A `Host` in lower case; empty if it is not a host."""
    return host.decode("ascii").lower() if _HOST.fullmatch(host) else ""


def sent_host(url: str) -> str:
    """The host of a URL as clients send it: in ASCII and lower case, without a dot at its end; empty where none is."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    name = folded_host(host) or host
    with suppress(UnicodeError):
        return name if name.isascii() else name.encode("idna").decode()
    return name


class PublicUrl:
    """Base URL of links: the one that was set, or else the address at which a request reached the emulator.

    Only its own client sees a link that follows a request's `Host`, or the receiver of its callbacks.
    """

    def __init__(self, fixed: str, address: str) -> None:
        self.fixed = fixed
        """The URL that was set, without a slash at its end; empty if none was."""
        self._address = address
        self._scheme = address.partition("://")[0]

    def of(self, host: bytes | None) -> str:
        """The base URL by the `Host` of a request; empty if another one is set, or if it is not a host."""
        name = "" if self.fixed or host is None else _host_name(host)
        return f"{self._scheme}://{name}" if name else ""

    def base(self, *seen: str) -> str:
        """The base URL of a link: the one that was set, or the first that was seen, or the address listened on."""
        return self.fixed or next(filter(None, seen), self._address)


class WorldConfig(NamedTuple):
    """One value for the whole emulator."""

    choices: Choices
    distribution: Distribution
    server_seed: int
    make_clock: ClockFactory
    public_url: PublicUrl
    journal_limit: int
    log_budget: LogBudget
    task_limit: int
    delivery_limit: int
    mode: Mode
    speed: float
    """Mode and speed of the clocks that `make_clock` makes."""
    resume: Callable[[SavedWorld], Clock]
    backend: StorageBackend
    ready_queue: ReadyQueue[Any]
    """The worlds of this configuration that have deliveries due."""
    owners: dict[str, str]
    """The key of the world that has a task or an uploaded file, by its id."""
    behaviour: Behaviour = DOCUMENTED
