"""The kit within bounds of time, memory and size, whatever a service sends."""

import json
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from evolink_contracts.reference.errors import NoResponse, RunStopped, ServiceUnusable
from evolink_contracts.runs.runner import run
from evolink_contracts.target.clocks import ManualClock
from evolink_contracts.target.connection import Connection
from evolink_contracts.target.control import ControlClient
from evolink_contracts.target.target import Target, TargetOptions
from evolink_contracts.target.trace_limit import TraceLimit
from evolink_contracts.target.transports import MAX_ANSWER, HttpTransport, Response, Transport
from evolink_contracts.trace.events import Attempt, Call
from tests.support.hostile_servers import SLOW, Play, endless, gzipped, hostile, says
from tests.support.hostile_servers import Connection as Peer
from tests.support.kit_command import kit
from tests.support.receivers import whole


@contextmanager
def opened(url: str, timeout: float = 30) -> Iterator[HttpTransport]:
    transport = HttpTransport(url, timeout)
    try:
        yield transport
    finally:
        transport.close()


@pytest.mark.parametrize("slow", SLOW)
def test_no_drip_and_no_flood_stretches_an_exchange(slow: str) -> None:
    with (
        hostile(SLOW[slow](b"{}" * 99)) as url,
        opened(url, 0.4) as transport,
        pytest.raises(NoResponse, match=r"GET /v1/credits got no answer: it took longer than 0\.4 s"),
    ):
        transport.send("GET", "/v1/credits", {}, None)
    assert not url.completed


def compressed(content: bytes, coding: str) -> Play:
    return says(whole(200, content, f"Content-Encoding: {coding}"))


LARGE = [
    (endless, "its body has more than 4,194,304 bytes"),
    (says(whole(200, b"x" * (MAX_ANSWER + 1))), "its body has more than 4,194,304 bytes"),
    (compressed(gzipped(64 * 2**20), "gzip"), "its body has more than 4,194,304 bytes"),
    (compressed(gzipped(64 * 2**20, 2), "gzip, gzip"), "its body is encoded as 'gzip, gzip'"),
    (compressed(b"x", "br"), "its body is encoded as 'br', which was not requested"),
]


@pytest.mark.parametrize(("play", "why"), LARGE, ids=["endless", "large", "gzip", "twice", "br"])
def test_an_answer_counts_as_it_is_inflated(play: Play, why: str) -> None:
    with hostile(play) as url, opened(url) as transport:
        tracemalloc.start()
        try:
            with pytest.raises(NoResponse, match=why):
                transport.send("GET", "/v1/credits", {}, None)
            assert tracemalloc.get_traced_memory()[1] < 24 * 2**20
        finally:
            tracemalloc.stop()


def test_answers_are_requested_as_they_are_and_cookies_are_not_kept() -> None:
    requests = []

    def play(peer: Peer) -> None:
        requests.append(peer.request.lower())
        peer.send(whole(200, b"{}", "Set-Cookie: session=1; Path=/"))

    with hostile(play) as url, opened(url) as transport:
        for _ in range(2):
            transport.send("GET", "/v1/credits", {}, None)
    assert all(b"\r\naccept-encoding: identity\r\n" in request for request in requests)
    assert not any(b"\r\ncookie:" in request for request in requests)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n{",
        b"HTTP/1.1 302 Found\r\nLocation: //xn--a/\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["length", "location"],
)
def test_whatever_a_head_has_is_an_error_of_the_kit(head: bytes) -> None:
    with hostile(says(head)) as url, opened(url) as transport, pytest.raises(NoResponse):
        transport.send("GET", "/v1/credits", {}, None)


def test_a_run_ends_with_a_sentence_at_such_a_service() -> None:
    for play, why in LARGE:
        with hostile(play) as url:
            ran = kit("run", "--base-url", url, "--api-key", "sk-local")
        assert (ran.returncode, ran.stdout) == (3, "")
        assert why in ran.stderr


def test_a_trace_has_a_limit_that_counts_what_is_left_of_it() -> None:
    trace: list[Call | Attempt] = []
    limit = TraceLimit(trace, 1000)

    def add(event: Call | Attempt) -> None:
        trace.append(event)
        limit.added(event)

    for _ in range(9):
        for _ in range(4):
            add(Call(0, "GET", "/", 200, "x" * 100, headers={"retry-after": "9" * 100}))
        trace.clear()
    add(Attempt(0, "https://hook.example.com/a", "x" * 900, 200))
    with pytest.raises(RunStopped, match="the recorded answers and callbacks have more than 1,000 characters"):
        add(Attempt(0, "https://hook.example.com/a", "x" * 101, 200))


class Large:
    """A service whose every answer is as large as one may be."""

    sent = 0

    def send(self, *request: Any) -> Response:
        self.sent += 1
        return Response(200, {}, b"x" * MAX_ANSWER)

    def close(self) -> None:
        """Does nothing."""


def test_a_run_stops_before_its_trace_takes_all_memory() -> None:
    service = Large()
    report = run(Target(service, "sk-live", TargetOptions(use_control=False)))
    assert "the recorded answers and callbacks have more than 67,108,864 characters" in report.stopped
    assert service.sent < 30


class Control:
    """A control API whose clock is what a function makes of the calls so far."""

    def __init__(self, clock: Callable[[int], dict[str, Any]]) -> None:
        self._clock = clock
        self.calls = 0

    def send(self, *request: Any) -> Response:
        self.calls += 1
        return Response(200, {}, json.dumps(self._clock(self.calls)).encode())

    def close(self) -> None:
        """Does nothing."""


class Impatient:
    """A wall clock on which waiting takes no time."""

    def wait(self, seconds: float) -> None:
        """Does nothing."""


def clock_of(control: Transport) -> ManualClock:
    wall: Any = Impatient()
    connection = Connection(control, "sk")
    return ManualClock(ControlClient(connection), connection, wall, lambda at: None)


def state(now: object = 1000, following: object = None, under_way: object = 0) -> dict[str, Any]:
    return {"now": now, "mode": "manual", "next_event": following, "attempts_in_flight": under_way}


IMPOSSIBLE = [
    state(under_way=-1),
    state(under_way=True),
    state(under_way=1.5),
    state(under_way=10**400),
    state(under_way=None),
    state(now=1e308),
    state(now=-1),
    state(now=float("nan")),
    state(now=float("inf")),
    state(now=10**400),
    state(now="1000"),
    state(now=None),
    state(following=1e308),
    state(following="soon"),
    state(following=[]),
    {},
]


@pytest.mark.parametrize("clock", IMPOSSIBLE, ids=lambda clock: json.dumps(clock)[:60])
def test_an_impossible_clock_ends_a_run_at_once(clock: dict[str, Any]) -> None:
    control = Control(lambda calls: clock)
    with pytest.raises(ServiceUnusable, match="showed an impossible clock"):
        clock_of(control).advance(3600, "a")
    assert control.calls == 1


def test_a_clock_that_does_not_move_ends_a_run_at_once() -> None:
    control = Control(lambda calls: state(following=1001))
    with pytest.raises(ServiceUnusable, match=r"was advanced by 1 s and went from 1000\.000 to 1000\.000"):
        clock_of(control).advance(3600, "a")
    assert control.calls < 9


class Busy:
    """A control API on whose clock something always happens: attempts that do not end, or event after event."""

    def __init__(self, *, under_way: int, step: float) -> None:
        self._under_way, self._step = under_way, step
        self._now = 1000.0
        self.calls = 0

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Response:
        self.calls += 1
        moved = json.loads(content or b"{}").get("advance", "0s")
        self._now += float(moved.removesuffix("s"))
        clock = state(self._now, self._now + self._step, self._under_way)
        return Response(200, {}, json.dumps(clock).encode())

    def close(self) -> None:
        """Does nothing."""


@pytest.mark.parametrize(
    "control", [Busy(under_way=1, step=1e6), Busy(under_way=0, step=1e-3)], ids=["attempts", "events"]
)
def test_a_clock_on_which_something_always_happens_ends_a_run(control: Any) -> None:
    manual = clock_of(control)

    def watch() -> None:
        for _ in range(1000):
            manual.advance(1, "a")

    with pytest.raises(ServiceUnusable, match="for the 4th time"):
        watch()
    assert control.calls < 2000


@pytest.mark.parametrize(
    "rows",
    [None, {}, [None], [{}], [{"url": "x"}], [{"url": "x", "attempts": [{}]}], [{"url": 1, "attempts": []}]],
    ids=json.dumps,
)
def test_deliveries_that_are_none_are_named(rows: object) -> None:
    control = ControlClient(Connection(Control(lambda calls: {"deliveries": rows}), "sk"))
    with pytest.raises(ServiceUnusable, match="showed no deliveries"):
        control.deliveries()
