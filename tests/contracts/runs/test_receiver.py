"""The receiver's side of the contract: good ones keep it, and each fault breaks the promise that is about it."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from evolink_client import CallbackRouter
from evolink_contracts.reference.errors import NoResponse
from evolink_contracts.runs.receiver import check_receiver
from evolink_contracts.runs.receiver_promises import PROMISES
from evolink_contracts.target.transports import AsgiTransport, Response
from evolink_contracts.target.wall_clock import WallClock
from tests.support.client_drivers import listening, place_of, served


async def handle(_: object) -> None:
    """Whatever it is."""


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    kit = [sys.executable, "-m", "evolink_contracts", "receiver", *arguments]
    return subprocess.run(kit, capture_output=True, text=True, check=False, timeout=60)


def test_the_clients_own_receiver_keeps_every_promise_over_a_socket() -> None:
    listener = listening()
    with served(CallbackRouter(handle, secret="s3cret"), listener):
        ran = command("--target", f"{place_of(listener)}/hooks/s3cret?x=a%2Fb")
        assert ran.returncode == 0, ran.stdout
        assert ran.stdout.count("✓") == len(PROMISES)
        ran = command("--target", f"{place_of(listener)}/hooks", "--json")
        broken = {row["number"] for row in json.loads(ran.stdout)["promises"] if row["verdict"] == "failed"}
        assert ran.returncode == 1
        assert broken == {f"RC-{number:03}" for number in (1, 2, 3, 4, 5, 6, 8, 9, 10, 11)}


class Faulty(WallClock):
    """A receiver, with a clock of its own, that answers as a function of the request says."""

    def __init__(self, status: Callable[[str, bytes, Any], int | None], took: float = 0.0) -> None:
        self.status = status
        self.took = took
        self.at = 0.0

    def send(self, method: str, path: str, headers: object, content: bytes | None) -> Response:
        try:
            body = json.loads(content or b"")
        except ValueError:
            body = None
        self.at += self.took
        status = self.status(method, content or b"", body)
        if status is None:
            raise NoResponse("the connection was reset")
        return Response(status, {}, b"")

    def now(self) -> float:
        return self.at

    def close(self) -> None:
        """Nothing is open."""


def right(method: str, content: bytes, body: Any) -> int:
    if method != "POST":
        return 405
    return 200 if isinstance(body, dict) and isinstance(body.get("id"), str) else 400


def broken_by(change: Callable[[Any], bool], status: int | None) -> set[str]:
    def answer(method: str, content: bytes, body: Any) -> int | None:
        return status if isinstance(body, dict) and body.get("id") and change(body) else right(method, content, body)

    return {verdict.promise.number for verdict in check_receiver(Faulty(answer), "/") if not verdict.passed}


def test_a_right_receiver_breaks_nothing() -> None:
    assert broken_by(lambda body: False, 500) == set()


@pytest.mark.parametrize(
    ("change", "status", "number"),
    [
        (lambda body: body["status"] == "completed", 302, "RC-001"),
        (lambda body: body["status"] == "failed", 500, "RC-002"),
        (lambda body: body["status"] == "cancelled", 400, "RC-003"),
        (lambda body: body["id"].endswith("zzzz"), 500, "RC-007"),
        (lambda body: "surprise" in body, 422, "RC-008"),
        (lambda body: "TaskType" in str(body.get("error")), 500, "RC-009"),
        (lambda body: len(str(body)) > 60_000, 413, "RC-010"),
        (lambda body: body["status"] == "failed" and "error" not in body, 500, "RC-011"),
        (lambda body: body["status"] == "archived", 500, "RC-012"),
        (lambda body: body["status"] == "archived", None, "RC-012"),
    ],
)
def test_each_fault_breaks_its_promise(change: Callable[[Any], bool], status: int | None, number: str) -> None:
    assert number in broken_by(change, status)


def test_who_takes_everything_and_who_takes_too_long_are_noticed() -> None:
    numbers = {v.promise.number for v in check_receiver(Faulty(lambda *_: 200), "/") if not v.passed}
    assert numbers == {"RC-013", "RC-015"}
    slow = Faulty(right, took=10.5)
    verdicts = list(check_receiver(slow, "/", wall=slow))
    assert not any(verdict.passed for verdict in verdicts)
    assert "the limit is 10 s" in verdicts[0].problems[0]


def test_a_problem_says_what_was_sent_and_what_was_expected() -> None:
    problems = {v.promise.number: v.problems for v in check_receiver(Faulty(lambda *_: 200), "/")}
    assert problems["RC-013"] == ("it answered 200 to a GET; 4xx was expected",)
    assert problems["RC-015"] == (
        "it answered 200 to a POST without a body; 4xx was expected",
        "it answered 200 to a POST of '{'; 4xx was expected",
        "it answered 200 to a POST of '[]'; 4xx was expected",
        "it answered 200 to a POST of '{}'; 4xx was expected",
        "it answered 200 to a POST of b'\\xff\\xfe'; 4xx was expected",
    )


def test_the_report_names_the_receiver_without_its_path_and_its_limits() -> None:
    listener = listening()
    place = place_of(listener)
    with served(CallbackRouter(handle, secret="s3cret"), listener):
        ran = command("--target", f"{place_of(listener)}/hooks/s3cret?token=t0ken")
        shown = command("--target", f"{place_of(listener)}/hooks/s3cret", "--json")
        failed = command("--target", f"{place_of(listener)}/hooks")
    *_, limits, subject, summary = ran.stdout.splitlines()
    assert "not by its effects: an application that credits a user twice for one callback passes too" in limits
    assert (subject, summary) == (f"Against the receiver at {place}.", "15 promises passed, 0 failed")
    found = json.loads(shown.stdout)
    assert (found["receiver"], found["limits"]) == (place, limits)
    assert not {"s3cret", "t0ken"} & set(re.findall(r"\w+", ran.stdout + ran.stderr + shown.stdout))
    marks = [line[0] for line in failed.stdout.splitlines() if line[0] in "✓✗"]
    assert marks == sorted(marks, reverse=True)


def test_an_application_in_process_can_be_judged_too() -> None:
    transport = AsgiTransport(CallbackRouter(handle))
    verdicts = list(check_receiver(transport, "/"))
    transport.close()
    assert all(verdict.passed for verdict in verdicts)


def test_who_is_not_there_is_named() -> None:
    ran = command("--target", "http://127.0.0.1:9/hooks")
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "it gave no answer" in ran.stderr
    assert command("--target", "localhost:3000").returncode == 2
