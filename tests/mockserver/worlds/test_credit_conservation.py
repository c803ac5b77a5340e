"""Credits are conserved: reserved + spent + remaining changes by a top-up alone, whatever goes wrong."""

from typing import Any

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.support.emulator import DOCUMENTED, Emulator

SCENARIOS = [
    *("ok", "fail=service_error", "cancel=cancelled", "actual_duration=2.5s", "actual_duration=60s", "polls=2"),
    *("stuck=pending", "stuck=99", "slow_finish=20s", "create=commit_then_drop", "create=reset_before"),
    *("create=html_502", "create=rate_limited", "create_latency=3s", "polls=1; fail=unknown_error"),
]
BALANCE = 100.0


class Money(RuleBasedStateMachine):
    """A customer with few credits, for whom much goes wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.emulator = Emulator.in_process(balance=BALANCE)
        self.total = BALANCE

    def teardown(self) -> None:
        self.emulator.client.close()

    def credits(self) -> dict[str, float]:
        found = self.emulator.control("worlds")["worlds"][0]["credits"]
        assert isinstance(found, dict)
        return found

    @rule(scenario=st.sampled_from(SCENARIOS), duration=st.integers(2, 15), quiet=st.booleans())
    def create(self, scenario: str, duration: int, quiet: bool) -> None:
        body: dict[str, Any] = DOCUMENTED | {"duration": duration, "generate_audio": not quiet}
        price = max(6, round(duration * (1.19 if quiet else 2.38), 4))
        left = self.emulator.request("GET", "/v1/credits").json()["data"]["token"]["remaining_credits"]
        try:
            answer = self.emulator.post(body, {"X-Mock-Scenario": scenario})
        except httpx.TransportError:
            return
        if answer.status_code in (200, 402):
            assert (answer.status_code == 402) == (price > left)

    @rule(by=st.sampled_from(["0s", "1s", "10s", "30s"]))
    def advance(self, by: str) -> None:
        self.emulator.advance(by)

    @rule(place=st.integers(0, 20), how=st.sampled_from(["query", "cancel", "completed", "failed"]))
    def touch(self, place: int, how: str) -> None:
        tasks = self.emulator.control("tasks")["tasks"]
        if not tasks:
            return
        name = tasks[place % len(tasks)]["id"]
        match how:
            case "query":
                self.emulator.query(name)
            case "cancel":
                self.emulator.request("POST", f"/__mock/tasks/{name}/cancel", json={})
            case _:
                self.emulator.request("POST", f"/__mock/tasks/{name}/outcome", json={"status": how})

    @rule(amount=st.integers(0, 400).map(lambda quarters: quarters / 4))
    def top_up(self, amount: float) -> None:
        self.emulator.control("worlds", {"top_up": amount})
        self.total += amount

    @invariant()
    def nothing_is_lost_or_made(self) -> None:
        token = self.emulator.request("GET", "/v1/credits").json()["data"]["token"]
        found = self.credits()
        assert found["balance"] == self.total
        assert round(found["reserved"] + found["spent"] + token["remaining_credits"], 4) == self.total
        assert min(found["reserved"], found["spent"], token["remaining_credits"]) >= 0
        shown = [self.emulator.control(f"tasks/{row['id']}") for row in self.emulator.control("tasks")["tasks"]]
        held = [task["credits"]["reserved"] for task in shown if task["credits"]["charged"] is None]
        assert found["reserved"] == round(sum(held), 4)
        assert found["spent"] == round(sum(task["credits"]["charged"] or 0 for task in shown), 4)
        for task in shown:
            if task["body"]["status"] in ("failed", "cancelled"):
                assert task["credits"]["charged"] == 0


def test_credits_are_conserved() -> None:
    run_state_machine_as_test(Money, settings=settings(max_examples=25, stateful_step_count=20, deadline=None))


@pytest.mark.parametrize(
    ("actual", "charged"),
    [("3s", 7.14), ("3.0075s", 7.1579), ("2.5s", 6), ("0s", 6), ("5s", 11.9), ("60s", 11.9), ("1us", 6)],
)
def test_a_shorter_video_is_charged_by_its_real_length_but_not_below_the_minimum(
    emulator: Emulator, actual: str, charged: float
) -> None:
    task = emulator.create(f"actual_duration={actual}")
    emulator.advance("10s")
    story = emulator.control(f"tasks/{task}")
    assert story["credits"] == {"reserved": 11.9, "charged": charged}
    assert emulator.control("worlds")["worlds"][0]["credits"]["spent"] == charged


def test_a_402_has_the_missing_amount_if_the_setting_asks_for_it() -> None:
    with Emulator.in_process(balance=16.9, quota_details="include") as emulator:
        emulator.create()
        assert emulator.post(DOCUMENTED).json() == {
            "error": {
                "code": "insufficient_quota",
                "message": "Insufficient quota. Please top up your account.",
                "type": "insufficient_quota",
                "action_url": "/dashboard/credits",
                "account_balance_credits": 5,
                "estimated_credits": 11.9,
            }
        }
