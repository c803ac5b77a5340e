"""Handle of one emulator and one API key in a test: clients, clock, scenarios, tasks, explanation."""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Protocol

import anyio.to_thread
import httpx

from evolink_mock.core.duration import parse_time_span, show_duration
from evolink_mock.testing.explanation import explain_requests, explain_world

if TYPE_CHECKING:
    from evolink_client import AsyncEvolinkClient, AsyncHttpOptions, Clock, EvolinkClient, HttpOptions
    from evolink_mock.testing.evolink_clients import AsyncClientOptions, ClientOptions


_PATIENCE = 70.0
"""Seconds for a control call: one that moves the clock may take a minute."""


class ControlRefused(ValueError):
    """A control call that the emulator refused, with the sentence of its answer."""


class Timedelta(Protocol):
    """A `datetime.timedelta`, or a time span that has seconds in the same way."""

    def total_seconds(self) -> float: ...


class EmulatorHandle:
    """An emulator as a test holds it, with one API key. Other keys have worlds and clocks of their own.

    `url` and `key` are for clients of any kind. `client` is an httpx client with the key; `evolink` and `async_evolink`
    are the devkit's clients, whose waiting moves the emulator's clock instead of taking real time.
    """

    everywhere = False
    """Whether reports show the tasks of all keys, since the emulator is for one test alone; else those of `key`."""

    def __init__(self, url: str, key: str, http: "HttpOptions", async_http: "AsyncHttpOptions") -> None:
        self.url = url
        self.key = key
        self.http_options = http
        self.async_http_options = async_http
        self._control = self._httpx_client()
        self._control.timeout = _PATIENCE
        self._client = self._httpx_client()
        self._evolink: EvolinkClient | None = None
        self._async_evolink: AsyncEvolinkClient | None = None

    def _httpx_client(self) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, **self.http_options)

    def close(self) -> None:
        """End what this handle holds open."""
        self._client.close()
        self._control.close()

    # Clients

    @property
    def client(self) -> httpx.Client:
        """An httpx client with the key. After it was closed, as by a `with` block, it is made anew."""
        if self._client.is_closed:
            self._client = self._httpx_client()
        return self._client

    @property
    def evolink(self) -> "EvolinkClient":
        """`evolink_client.EvolinkClient` with this emulator and key. Its waiting, as in `tasks.wait`, moves the clock.

        So it takes no real time, and its time-outs are those of the emulator's clock. Closing it changes nothing.
        """
        from evolink_mock.testing.evolink_clients import FixtureClient

        self._evolink = self._evolink or FixtureClient(**self.client_options)
        return self._evolink

    @property
    def async_evolink(self) -> "AsyncEvolinkClient":
        """`evolink` with awaitable calls, for tests on asyncio and on trio."""
        from evolink_mock.testing.evolink_clients import AsyncFixtureClient

        self._async_evolink = self._async_evolink or AsyncFixtureClient(**self.async_client_options)
        return self._async_evolink

    @property
    def client_options(self) -> "ClientOptions":
        """Arguments for a client of yours: `EvolinkClient(**evolink_mock.client_options, retry_creates=True)`."""
        from evolink_mock.testing.evolink_clients import client_options

        return client_options(self)

    @property
    def async_client_options(self) -> "AsyncClientOptions":
        """Arguments for an `AsyncEvolinkClient` of yours."""
        from evolink_mock.testing.evolink_clients import async_client_options

        return async_client_options(self)

    # Time

    def now(self) -> float:
        """The instant of the clock, in Unix seconds."""
        return float(self.control("clock")["now"])

    def advance(self, by: "str | float | Timedelta") -> None:
        """Let time pass, with everything that falls due meanwhile: `7` or `2.5` seconds, `"7s"`, `"24h"`, a timedelta.

        Returns when every callback attempt on the way has ended. Raises `ValueError` for what is no time span from 0 to
        366 days.
        """
        __tracebackhide__ = True
        span = by if isinstance(by, str | int | float) else _seconds(by)
        try:
            micros = parse_time_span(span)
        except ValueError as error:
            raise error.with_traceback(None) from None
        self.control("clock", {"advance": show_duration(micros)})

    def sleep(self, seconds: float) -> None:
        """`time.sleep` on the emulator's clock: returns at once, and the clock has moved.

        For clients of yours: `EvolinkClient(..., sleep=evolink_mock.sleep, clock=evolink_mock.client_clock)`.
        """
        __tracebackhide__ = True
        self.advance(seconds)

    async def async_sleep(self, seconds: float) -> None:
        """`sleep` for asyncio and trio."""
        __tracebackhide__ = True
        await anyio.to_thread.run_sync(self.advance, seconds)

    @property
    def client_clock(self) -> "Clock":
        """The emulator's clock for a client of yours, so that its time-outs are measured in the time that it sleeps."""
        from evolink_mock.testing.evolink_clients import client_clock

        return client_clock(self.now)

    # Control

    def scenario(self, text: str) -> None:
        """The scenario of the next request, such as `"fail=service_error"`; `GET /__mock/scenarios/words` lists all.

        Raises `ValueError` for a scenario that is malformed.
        """
        __tracebackhide__ = True
        self.control("scenarios", {"scenario": text})

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The tasks of the key, oldest first; at most the last 1,000."""
        __tracebackhide__ = True
        return list(self.control("tasks?limit=1000")["tasks"])

    def control(self, path: str, change: Mapping[str, object] | None = None) -> Any:
        """A call of the control API: GET, or with a change POST. Raises `ControlRefused`, a `ValueError`."""
        __tracebackhide__ = True
        ask = partial(self._control.get) if change is None else partial(self._control.post, json=change)
        answer = ask(f"/__mock/{path}")
        if answer.status_code != 200:
            raise ControlRefused(_message(answer))
        return answer.json()

    def explain(self) -> str:
        """The explanation of each task, in order of time, the requests that were refused, and the clock."""
        return explain_world(self.control, everywhere=self.everywhere)

    def was_used(self) -> bool:
        """Whether a task was created or a request refused."""
        return bool(explain_requests(self.control, everywhere=self.everywhere))


def _seconds(span: object) -> object:
    """A span as a number that Python has built in, if it is a timedelta or a number of another type, as numpy's."""
    total = getattr(span, "total_seconds", None)
    if callable(total):
        return total()
    if isinstance(span, Integral):
        return int(span)
    return float(span) if isinstance(span, Real | Decimal) else span


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return f"{answer.request.method} {answer.request.url} answered {answer.status_code}: {answer.text[:200]}"
