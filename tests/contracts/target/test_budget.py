"""The credits really spent stay within the limit, whatever a service says, bills or shows."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_contracts.reference.boundary_requests import minimal_request
from evolink_contracts.reference.errors import BudgetExceeded, CreateWithheld, ServiceUnusable
from evolink_contracts.runs.profiles import plan
from evolink_contracts.runs.runner import run
from evolink_contracts.stateful.search import search
from evolink_contracts.target.budget import CHEAPEST, Budget
from evolink_contracts.target.target import Target, TargetOptions
from evolink_contracts.target.wall_clock import WallClock
from tests.support.billing_services import KEY, LOST, REFUSALS, Billed, BillingService, credits_of, truthful

BODIES: list[dict[str, Any]] = [
    dict(CHEAPEST),
    {**CHEAPEST, "generate_audio": True},
    {"duration": 15, "quality": "1080p"},
    {"duration": 3},
    {"prompt": None},
    {"duration": 16},
    {"model": "sora-2"},
]
ODD = st.sampled_from([0, 1e-6, -5, 3, 6, 1e9, 1e308, float("nan"), float("inf"), 10**400, True, "6", None, [6]])
STATUSES = st.sampled_from([200, 200, 200, 201, 204, 302, 404, 405, 409, 413, 422, 429, 500, 503, LOST, *REFUSALS])


def known(body: Mapping[str, Any]) -> float:
    """The highest price that is known for a create, by a budget to which nothing was said."""
    return Budget(1e9).highest_price(body)


def spend(service: BillingService, limit: float, bodies: list[dict[str, Any]], rate: float | None = None) -> Budget:
    """Send creates as long as the budget allows it."""
    budget = Budget(limit, rate)
    target = Target(service, KEY, TargetOptions(use_control=False), guard=budget)
    with suppress(BudgetExceeded):
        for number in range(3 * len(bodies)):
            with suppress(ServiceUnusable, CreateWithheld):
                target.create(bodies[number % len(bodies)], headers={"idempotency-key": "one-key-for-all-of-them"})
    return budget


lies = st.one_of(
    st.builds(lambda used, left: lambda _: (200, credits_of(used, left)), ODD, ODD),
    st.builds(lambda status: lambda _: (status, {}), st.sampled_from([200, 401, 404, 429, 500, LOST])),
    st.sampled_from([b"", b"<html>", b"[" * 100_000, b"null", b'{"data": []}', b'{"data": {"user": 7}}']).map(
        lambda text: lambda _: (200, text)
    ),
    st.just(lambda billed: (200, credits_of(100 - billed, billed - 1000))),
)


class Dearest:
    """Bills the highest known price of each create, or a part of it."""

    def __init__(self, draw: st.DataObject, shows: Callable[[float], tuple[int, Any]], *, refusals: bool) -> None:
        self._draw = draw
        self._refusals = refusals
        self.service = BillingService(iter(()), shows, known)
        send = self.service.send

        def treated(method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Any:
            if method == "POST":
                self.service._current = self._treatment(json.loads(content or b"{}"))
            return send(method, path, headers, content)

        self.service.send = treated  # type: ignore[method-assign]

    def _treatment(self, body: Mapping[str, Any]) -> Billed:
        status, says = self._draw.draw(STATUSES), self._draw.draw(ODD)
        share = self._draw.draw(st.sampled_from([1, 1, 1, 0.5, 0, -1]))
        free = status in REFUSALS and not self._refusals
        return Billed(status, says, 0 if free else share * known(body), self._draw.draw(st.booleans()))


class Timeless(WallClock):
    """A clock that moves as it is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0.0

    def now(self) -> float:
        return self._at

    def wait(self, seconds: float) -> None:
        self._at += seconds


bodies = st.lists(st.sampled_from(BODIES), min_size=1, max_size=8)
limits = st.sampled_from([0.0, 5.9, 6.0, 15.0, 24.0, 30.5, 120.0, 400.0])


@given(st.data(), limits, bodies, lies)
def test_no_lie_of_any_call_lets_the_limit_be_exceeded(
    data: st.DataObject, limit: float, bodies: list[dict[str, Any]], shows: Callable[[float], tuple[int, Any]]
) -> None:
    """Nothing but a refusal is free, and each create costs at most what is known."""
    service = Dearest(data, shows, refusals=False).service
    spend(service, limit, bodies)
    assert service.billed <= limit + 1e-6


@given(st.data(), limits, bodies)
def test_refusals_that_are_billed_are_seen_in_the_balance(
    data: st.DataObject, limit: float, bodies: list[dict[str, Any]]
) -> None:
    service = Dearest(data, truthful, refusals=True).service
    spend(service, limit, bodies)
    assert service.billed <= limit + 1e-6


@given(
    st.lists(st.builds(Billed, STATUSES, ODD, st.floats(0, 500), st.booleans()), min_size=1, max_size=20),
    limits,
    bodies,
)
def test_no_create_is_sent_that_would_not_fit_beside_what_was_really_billed(
    treatments: list[Billed], limit: float, bodies: list[dict[str, Any]]
) -> None:
    """Where the balance is true, a service that bills more than is known can exceed the limit by one create alone."""
    service = BillingService(treatments, truthful, known)
    spend(service, limit, bodies)
    assert service.highest <= limit + 1e-6


@pytest.mark.parametrize(
    "treatment",
    [
        Billed(200, 0, 6),
        Billed(200, 1e-6, 6),
        Billed(200, 0, 6, replayed=True),
        Billed(429, None, 6),
        Billed(500, None, 6),
        Billed(404, None, 6),
        Billed(409, None, 6),
        Billed(302, None, 6),
        Billed(LOST, None, 6),
    ],
    ids=str,
)
@pytest.mark.parametrize("shows", [truthful, lambda _: (200, credits_of(0, 0)), lambda _: (404, {})], ids=range(3))
def test_a_whole_run_with_histories_stays_within_the_limit(
    treatment: Billed, shows: Callable[[float], tuple[int, Any]]
) -> None:
    service, budget = BillingService(repeat(treatment), shows, known), Budget(30)
    target = Target(service, KEY, TargetOptions(use_control=False, pause=0), guard=budget, wall=Timeless())
    probes, _ = plan(target, "live", budget)
    with suppress(ServiceUnusable):  # As if it never answered.
        run(target, ["VC-052"], probes, explore=lambda target: search(target, 40, longest=10))
    assert 0 < service.billed <= 30


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_that_is_billed_counts(status: int) -> None:
    service = BillingService(repeat(Billed(status, None, 6)), truthful, known)
    assert spend(service, 30, [dict(CHEAPEST)] * 10).spent == service.billed == 30


def test_a_refusal_counts_if_the_balance_can_no_longer_be_read() -> None:
    shown = iter([truthful(0)])
    service = BillingService(repeat(Billed(400, None, 6)), lambda _: next(shown, (500, {})), known)
    assert spend(service, 30, [dict(CHEAPEST)] * 10).spent == service.billed == 30


def test_a_price_that_only_the_balance_shows_is_expected_of_the_next_create() -> None:
    service = BillingService(repeat(Billed(200, 6, 12)), truthful, known)
    budget = spend(service, 30, [dict(CHEAPEST)] * 10)
    assert (budget.spent, service.billed, budget.highest_price({**minimal_request(), **CHEAPEST})) == (24, 24, 12)


def test_a_refund_gives_no_credits_back() -> None:
    service = BillingService(
        [Billed(200, 6, 6), Billed(200, 6, -6), Billed(200, 6, 6), Billed(400, None, 0)], truthful, known
    )
    assert spend(service, 18, [dict(CHEAPEST)] * 4).spent == 18
