"""Every way in which a receiver can fail, as each attempt of a chain, over HTTP and HTTPS, with exact times."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import httpx
import pytest
import trustme

from tests.support.emulator import Emulator
from tests.support.receivers import (
    EMPTY,
    NOT_HTTP,
    TRUNCATED,
    Answer,
    Receiver,
    contexts,
    huge,
    issued,
    redirect,
    truncated_body,
    truncated_chunks,
    truncated_head,
)
from tests.support.server_process import Server

START = 1757169743
ENDS = START + 10
POSITIONS = {1: 0, 2: 1, 3: 3, 4: 7}
"""The attempts of a chain, and how many seconds after the end of the task each is due while nothing times out."""
GAPS = (1, 2, 4)


class Failure(NamedTuple):
    """How a receiver fails, and what the record must say: a status, or a class of error."""

    answer: Answer
    shown: int | str
    arrives: bool = True
    """Whether the receiver gets to see the request."""


ANYWHERE: dict[str, Failure] = {
    "timeout": Failure("timeout", "timeout"),
    "drip": Failure("drip", "timeout"),
    "reset": Failure("reset", "reset"),
    "empty": Failure(EMPTY, "empty"),
    "truncated": Failure(TRUNCATED, "truncated"),
    "truncated_body": Failure(truncated_body(503), 503),
    "truncated_chunks": Failure(truncated_chunks(503), 503),
    "truncated_head": Failure(truncated_head(503), 503),
    "not_http": Failure(NOT_HTTP, "not_http"),
    "huge": Failure(huge(503), 503),
    "refused": Failure(b"", "refused", arrives=False),
    "500": Failure(500, 500),
}
FAILURES: dict[str, Failure] = {
    **{f"http {name}": failure for name, failure in ANYWHERE.items()},
    **{f"https {name}": failure for name, failure in ANYWHERE.items()},
    **{f"http {status}": Failure(status, status) for status in (300, 304, 400, 401, 404, 408, 410, 418, 429, 503, 599)},
    **{f"http redirect {status}": Failure(b"", status) for status in (301, 302, 303, 307, 308)},
    "http reset_at_once": Failure("reset_at_once", "reset", arrives=False),
    "https wrong_name": Failure("wrong_name", "tls", arrives=False),
    "https untrusted": Failure("untrusted", "tls", arrives=False),
    "https expired": Failure("expired", "tls", arrives=False),
    "https plain": Failure("plain", "tls", arrives=False),
}


At: TypeAlias = tuple[str, int]
"""The name of a failure, and its position."""


class Chain(NamedTuple):
    """A callback as it is recorded: where it stands, its attempts, and how many of them its receiver saw."""

    status: str
    attempts: list[dict[str, object]]
    seen: int


def promised(failure: Failure, position: int) -> Chain:
    """What must be recorded where one attempt fails so, those before it with 500, and the next succeeds."""
    attempts: list[dict[str, object]] = []
    due, why = ENDS, "the task ended"
    for number in range(1, min(position + 1, 4) + 1):
        shown = 500 if number < position else failure.shown if number == position else 200
        finished = due + (10 if shown == "timeout" else 0)
        following = None if shown == 200 or number == 4 else finished + GAPS[number - 1]
        status, error = (shown, None) if isinstance(shown, int) else (None, shown)
        times = {"due": due, "started": due, "finished": finished, "next_due": following}
        attempts.append({"number": number, "status": status, "error": error, "why": why, **times})
        if following is not None:
            due, why = following, f"attempt {number + 1} follows {GAPS[number - 1]} s after that failure"
    return Chain("exhausted" if position == 4 else "delivered", attempts, len(attempts) - (not failure.arrives))


def recorded(delivery: dict[str, Any], receiver: Receiver) -> Chain:
    facts = ("number", "status", "error", "due", "started", "finished", "next_due")
    attempts = [
        {fact: attempt[fact] for fact in facts} | {"why": attempt["reason"].rpartition("; ")[2]}
        for attempt in delivery["attempts"]
    ]
    assert (delivery["queued"], delivery["next_due"]) == (ENDS, None)
    assert {attempt["target"] for attempt in delivery["attempts"]} == {f"{receiver.place}/hook"}
    assert all(
        10_000 <= attempt["latency_ms"] < 12_000 for attempt in delivery["attempts"] if attempt["error"] == "timeout"
    )
    return Chain(delivery["status"], attempts, len(receiver.received))


def script(name: str, position: int, elsewhere: str) -> tuple[Answer, ...]:
    before = (500,) * (position - 1)
    if name.endswith("refused"):
        return (*before, 200)
    answer = redirect(int(name[-3:]), elsewhere) if "redirect" in name else FAILURES[name].answer
    return (*before, answer, 200)


def play(emulator: Emulator, position: int, receivers: dict[At, Receiver]) -> dict[At, Chain]:
    """All failures at one position, at the same time, in a world of their own."""
    mine = {name: receiver for (name, at), receiver in receivers.items() if at == position}
    tasks = {emulator.create(callback_url=f"{each.origin}/hook"): name for name, each in mine.items()}
    refusing = (mine["http refused"], mine["https refused"])
    emulator.advance(f"{9.5 + POSITIONS[position]}s")
    for each in refusing:
        each.refuse()
    emulator.advance("500ms")
    for each in refusing:
        each.accept()
    emulator.advance("1m")
    deliveries = {tasks[each["task"]]: each for each in emulator.control("deliveries")["deliveries"]}
    return {(name, position): recorded(deliveries[name], receiver) for name, receiver in mine.items()}


@pytest.mark.slow
def test_every_failure_is_recorded_exactly_at_every_position(tmp_path: Path) -> None:
    """Redirects are failures too, and nobody follows them."""
    trusted = trustme.CA()
    trusted.cert_pem.write_to_path(str(tmp_path / "trusted.pem"))
    tls = contexts(issued(tmp_path, tmp_path), trusted)
    with ExitStack() as stack:
        elsewhere = stack.enter_context(Receiver(200))
        receivers = {
            (name, position): stack.enter_context(
                Receiver(
                    *script(name, position, f"{elsewhere.place}/elsewhere"),
                    tls=tls if name.startswith("https") else None,
                )
            )
            for name in FAILURES
            for position in POSITIONS
        }
        server = stack.enter_context(
            Server(
                *("--clock", "manual", "--generation-time", "10s", "--callback-ca", str(tmp_path / "trusted.pem")),
                *(f"--callback-route={each.route}" for each in receivers.values()),
                environ={"EVOLINK_MOCK_AUTHORITY": str(tmp_path)},
            )
        )
        client = stack.enter_context(httpx.Client(base_url=server.url, timeout=60))
        pool = stack.enter_context(ThreadPoolExecutor(len(POSITIONS)))
        playing = [pool.submit(play, Emulator(client, f"sk-{at}"), at, receivers) for at in POSITIONS]
        chains = {at: chain for each in playing for at, chain in each.result().items()}
        assert chains.keys() == receivers.keys()
        wrong = {at: chain for at, chain in chains.items() if chain != promised(FAILURES[at[0]], at[1])}
        assert wrong == {}
        assert elsewhere.received == []
