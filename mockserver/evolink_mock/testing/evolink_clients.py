"""The devkit's clients on an emulator's clock: their pauses move that clock, and their time-outs are measured by it."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypedDict

from evolink_client import AsyncEvolinkClient, AsyncHttpOptions, Clock, EvolinkClient, HttpOptions

if TYPE_CHECKING:
    from evolink_mock.testing.handle import EmulatorHandle

_LUCK = 0.5
"""The jitter of retries: always half of what it may be, so that a test repeats."""


class ClientOptions(TypedDict):
    """Arguments of `EvolinkClient`."""

    api_key: str
    base_url: str
    clock: Clock
    sleep: Callable[[float], None]
    http: HttpOptions


class AsyncClientOptions(TypedDict):
    """Arguments of `AsyncEvolinkClient`."""

    api_key: str
    base_url: str
    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    http: AsyncHttpOptions


class FixtureClient(EvolinkClient):
    """The client of a fixture: closing it, as a `with` block does, leaves it usable, since nothing is open."""

    def close(self) -> None:
        """Does nothing."""


class AsyncFixtureClient(AsyncEvolinkClient):
    """The asynchronous client of a fixture. It belongs to no event loop, and closing it does nothing."""

    async def aclose(self) -> None:
        """Does nothing."""


def client_clock(now: Callable[[], float]) -> Clock:
    """The clock of a client that lives in the emulator's time."""
    return Clock(now=now, unix=now, luck=lambda: _LUCK)


def client_options(handle: "EmulatorHandle") -> ClientOptions:
    """The arguments with which a client talks to an emulator, in its time."""
    return {
        "api_key": handle.key,
        "base_url": handle.url,
        "clock": client_clock(handle.now),
        "sleep": handle.sleep,
        "http": handle.http_options,
    }


def async_client_options(handle: "EmulatorHandle") -> AsyncClientOptions:
    """`client_options` for the asynchronous client."""
    return {
        "api_key": handle.key,
        "base_url": handle.url,
        "clock": client_clock(handle.now),
        "sleep": handle.async_sleep,
        "http": handle.async_http_options,
    }
