"""A paid service, for which fakes stand: what is bought is bound, and callbacks come to the kit's own receiver."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from evolink_contracts.reference.errors import (
    BudgetExceeded,
    CreateTooExpensive,
    CreateWithheld,
    NoResponse,
    ServiceUnusable,
)
from evolink_contracts.runs.profiles import plan
from evolink_contracts.runs.runner import run
from evolink_contracts.target.budget import Budget
from evolink_contracts.target.target import Target, TargetOptions
from evolink_contracts.target.transports import Response
from evolink_contracts.trace.events import Call
from evolink_contracts.trace.history import CREATE_PATH
from tests.support.certificates import HOST, certificate
from tests.support.kit_command import kit
from tests.support.pytest_plugins import NO_OTHERS
from tests.support.server_process import Server

CHEAP = {
    "model": "wan2.6-image-to-video-flash",
    "prompt": "x",
    "image_urls": ["https://example.com/a.png"],
    "duration": 2,
}


def bought(reserved: object) -> Call:
    answer = json.dumps({"id": "t", "usage": {"credits_reserved": reserved}})
    return Call(0, "POST", "/v1/videos/generations", 200, answer, sent=json.dumps(CHEAP))


def test_the_first_price_that_is_shown_replaces_the_one_that_was_thought() -> None:
    budget = Budget(limit=20)
    assert budget.highest_price(CHEAP) == 6
    budget.after_create(bought(12))
    assert (budget.spent, budget.highest_price(CHEAP)) == (12, 12)
    with pytest.raises(BudgetExceeded, match="may cost 12 credits; of 20"):
        budget.require([CHEAP])


@pytest.mark.parametrize("shown", [None, "6", -1, float("nan"), float("inf"), True])
def test_a_price_that_is_none_counts_as_the_worst(shown: object) -> None:
    budget = Budget(limit=20, rate=4)
    budget.after_create(bought(shown))
    assert budget.spent == 8


def test_what_broke_a_rule_and_was_accepted_is_not_tried_again() -> None:
    faulty = json.dumps({**CHEAP, "prompt": None})
    budget = Budget(limit=1000)
    budget.before_create(faulty, {})
    answer = json.dumps({"id": "t", "usage": {"credits_reserved": 6}})
    budget.after_create(Call(0, "POST", "/v1/videos/generations", 200, answer, sent=faulty))
    with pytest.raises(
        CreateWithheld, match="t was accepted although it broke a rule, and another one may cost credits too"
    ):
        budget.before_create(faulty, {})
    budget.before_create(json.dumps(CHEAP), {})
    assert budget.spent == 6


class Billing:
    """A service that accepts every create, bills `price` credits for it, and answers as it is told."""

    def __init__(
        self, status: int = 200, headers: dict[str, str] | None = None, *, silent: bool = False, price: float = 4
    ) -> None:
        self.billed: float = 0
        self._price = price
        self._answer = status, {"content-type": "application/json", **(headers or {})}
        self._silent = silent

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Response:
        if (method, path, headers.get("authorization")) != ("POST", CREATE_PATH, "Bearer sk-live"):
            return Response(404, self._answer[1], b"{}")
        self.billed += self._price
        if self._silent:
            raise NoResponse("the answer was lost")
        answer = {"id": f"task-{self.billed}", "usage": {"credits_reserved": self._price}}
        return Response(*self._answer, json.dumps(answer).encode())

    def close(self) -> None: ...


def spend(service: Billing, limit: float) -> Budget:
    """Create as long as the budget allows it."""
    budget = Budget(limit, rate=2)
    target = Target(service, "sk-live", TargetOptions(use_control=False), guard=budget)
    with suppress(BudgetExceeded):
        for _ in range(20):
            with suppress(ServiceUnusable):
                target.create(CHEAP)
    return budget


def test_a_header_alone_makes_no_create_free() -> None:
    service = Billing(headers={"idempotency-replayed": "true"})
    assert spend(service, 30).spent == service.billed == 28


def test_a_replay_counts_since_only_the_service_says_that_it_is_one() -> None:
    budget = Budget(limit=20)
    for replayed in ("false", "true", "true"):
        budget.before_create(json.dumps(CHEAP), {})
        budget.after_create(replace(bought(6), headers={"idempotency-replayed": replayed}))
    assert budget.spent == 18


@pytest.mark.parametrize("service", [Billing(silent=True), Billing(502), Billing(307)], ids=["lost", "502", "307"])
def test_a_create_that_may_have_been_billed_counts(service: Billing) -> None:
    spend(service, 30)
    assert service.billed == 5 * 4  # Each of the five may have cost the minimum, 6.


def test_a_refusal_costs_nothing() -> None:
    budget = Budget(limit=6)
    for _ in range(3):
        budget.before_create(json.dumps(CHEAP), {})
        budget.after_create(replace(bought(6), status=402))
    assert budget.spent == 0


@pytest.mark.parametrize(
    ("fields", "worst"),
    [
        ({"prompt": None}, 6),
        ({"prompt": None, "duration": None, "generate_audio": False}, 6),
        ({"prompt": None, "duration": 5}, 11.9),
        ({"duration": 16}, 38.08),
        ({"duration": "2"}, 35.7),
        ({"duration": float("nan")}, 35.7),
        ({"quality": "4k"}, 7.9492),
        ({"quality": "4k", "duration": 15}, 59.619),
        ({"generate_audio": "no"}, 6),
        ({"model": "sora-2"}, 119.238),
        ({"model": ["x"]}, 119.238),
    ],
)
def test_what_breaks_a_rule_is_sent_only_where_it_could_be_paid(fields: dict[str, object], worst: float) -> None:
    sent = json.dumps({**CHEAP, **fields})
    Budget(limit=worst).before_create(sent, {})
    with pytest.raises(
        CreateTooExpensive, match=rf"may cost {worst} credits if it is accepted; of {round(worst - 1, 4)} "
    ):
        Budget(limit=worst - 1).before_create(sent, {})


def test_no_number_of_any_size_makes_a_create_cheap() -> None:
    for sent in ("[]", "nonsense", json.dumps({**CHEAP, "duration": 10**400}), json.dumps({**CHEAP, "duration": -1})):
        with pytest.raises(CreateTooExpensive):
            Budget(limit=35).before_create(sent, {})


def test_a_lenient_service_gets_no_more_than_the_limit() -> None:
    service, budget = Billing(price=8), Budget(limit=24)
    target = Target(service, "sk-live", TargetOptions(use_control=False), guard=budget)
    probes, _ = plan(target, "live", budget)
    report = run(target, probes=probes)
    # The first was for 5 seconds, whose known price is more than the service said.
    assert service.billed <= budget.spent <= 24
    assert "accepted although it broke a rule" in report.skipped[0].reason
    assert "may cost" in report.stopped


@pytest.mark.parametrize(
    ("limit", "rate", "says"),
    [
        (float("nan"), None, "credits to spend must be a finite number, 0 or more; got nan"),
        (float("inf"), None, "credits to spend must be a finite number, 0 or more; got inf"),
        (-1, None, "credits to spend must be a finite number, 0 or more; got -1"),
        (20, float("nan"), "price of a second of video must be a finite number above 0; got nan"),
        (20, 0, "price of a second of video must be a finite number above 0; got 0"),
        (20, -1, "price of a second of video must be a finite number above 0; got -1"),
    ],
)
def test_a_budget_needs_numbers(limit: float, rate: float | None, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Budget(limit, rate)


def test_a_run_with_no_number_for_a_limit_is_refused() -> None:
    live = ("run", "--base-url", "http://127.0.0.1:9", "--api-key", "sk-live", "--profile", "live", "--max-credits")
    for numbers, says in (
        (("nan",), "credits to spend must be a finite number, 0 or more; got nan"),
        (("20", "--rate", "nan"), "price of a second of video must be a finite number above 0; got nan"),
    ):
        ran = kit(*live, *numbers)
        assert ran.returncode == 2
        assert says in ran.stderr


def test_an_option_of_pytest_that_is_no_such_number_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", *NO_OTHERS, "--evolink-max-credits=nan", str(tmp_path)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert "argument --evolink-max-credits: " in ran.stderr
    assert "nan" in ran.stderr


@pytest.mark.parametrize(("option", "number"), [("rate", "-1"), ("rate", "0"), ("tolerance", "inf"), ("rate", "x")])
def test_another_option_of_pytest_that_is_no_such_number_is_refused(
    option: str, number: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, where a call that makes no sense ends before anything is collected."""
    assert pytest.main([f"--evolink-{option}={number}", str(tmp_path)]) == pytest.ExitCode.USAGE_ERROR
    said = capsys.readouterr().err
    assert f"argument --evolink-{option}: " in said
    assert number in said


def test_a_live_run_says_what_it_costs_and_refuses_what_is_too_much() -> None:
    with Server("--generation-time", "1s") as server:
        live = ("run", "--base-url", server.url, "--api-key", "sk-live", "--profile", "live")
        ran = kit(*live, "--max-credits", "5")
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "4 creates may cost 24 credits; of 5 (--max-credits) 0 are spent; nothing was bought" in ran.stderr
        assert kit(*live).returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("profile", "scheme"), [("emulator", "http"), ("emulator", "https"), ("live", "http")], ids=lambda each: each
)
def test_callbacks_come_to_the_receiver_of_the_kit(profile: str, scheme: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own, ca = certificate(tmp_path)
    listen = ["--listen", f"127.0.0.1:{port}", *(["--certificate", *map(str, own)] if scheme == "https" else [])]
    more = ("--max-credits", "30", "--callbacks", "yes") if profile == "live" else ("--histories", "5")
    route = ("--callback-route", f"https://{HOST}={scheme}://127.0.0.1:{port}", "--callback-ca", str(ca))
    with Server("--generation-time", "1s", *route) as server:
        ran = kit("run", "--base-url", server.url, "--api-key", "sk-live", "--profile", profile, *listen, *more)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"Callbacks to https://{HOST} are received at {scheme}://127.0.0.1:{port}" in ran.stderr
    assert re.search(r"✓ VC-067 .*\(\d+×\)", ran.stdout), ran.stdout
    assert "✓ VC-066" in ran.stdout
    if profile == "live":
        assert re.search(r"skipped lacking: not all of it was sent: \d+ creates were left out, the last be", ran.stdout)
        assert "At worst this costs 30 credits, for 5 creates of 2 s; --max-credits allows 30" in ran.stderr
        assert "✓ VC-068 A receiver has 10 s to respond." in ran.stdout
    else:
        assert ran.stdout.splitlines()[-1].endswith("; 5 histories of seed 0 passed")
