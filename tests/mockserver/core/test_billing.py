"""Prices are those of the page's rates, and no credit appears or disappears."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_contracts.spec.models import MODELS
from evolink_mock.core.billing import NOMINAL_BALANCE, Ledger, quote
from evolink_mock.core.choices import Choices
from evolink_mock.core.task import to_credits, to_units
from evolink_mock.core.validation import CreateRequest, Validator

FLASH = "wan2.6-image-to-video-flash"
UNITS = st.integers(0, 10**10)
MOVES = st.lists(st.tuples(st.booleans(), UNITS, st.floats(0, 2)), max_size=30)


def price(seconds: float, choices: Choices, model: str = FLASH, **fields: Any) -> float:
    """Credits for a request of the model with these fields."""
    body = {"model": model, "prompt": "A cat", "image_urls": ["https://example.com/image1.png"]}
    request = Validator(MODELS, choices).validate(body | fields)
    assert isinstance(request, CreateRequest)
    return to_credits(quote(request, seconds, choices))


@pytest.mark.parametrize(
    ("quality", "sound", "per_second"),
    [("720p", True, 3), ("1080p", True, 5), ("720p", False, 1.5), ("1080p", False, 2.5)],
)
@pytest.mark.parametrize("seconds", [1, 2, 5, 15, 4.2])
def test_flash_costs_its_rate_for_each_second(quality: str, sound: bool, per_second: float, seconds: float) -> None:
    assert price(seconds, Choices(), quality=quality, generate_audio=sound) == pytest.approx(per_second * seconds)


@pytest.mark.parametrize("model", [name for name in MODELS if name != FLASH])
@pytest.mark.parametrize(("quality", "per_second"), [("720p", 3), ("1080p", 5)])
@pytest.mark.parametrize("extra", [{}, {"generate_audio": False}], ids=["", "silence is no field of it"])
def test_the_other_models_always_have_audio(model: str, quality: str, per_second: float, extra: dict[str, Any]) -> None:
    assert price(5, Choices(), model, quality=quality, **extra) == per_second * 5


def test_by_default_a_video_has_720p_and_audio() -> None:
    assert price(5, Choices()) == 15


@pytest.mark.parametrize(("quality", "per_second"), [("720p", 3), ("1080p", 5)])
def test_an_audio_url_is_priced_as_audio_whatever_generate_audio_is(quality: str, per_second: float) -> None:
    sound = "https://example.com/sound.mp3"
    assert price(5, Choices(), quality=quality, generate_audio=False, audio_url=sound) == per_second * 5


@pytest.mark.parametrize("fields", [{}, {"quality": "1080p"}, {"generate_audio": False}, {"duration": 15}])
def test_with_per_call_billing_every_video_costs_5_credits(fields: dict[str, Any]) -> None:
    assert price(9, Choices(billing_rule="per_call"), **fields) == 5


def settled(moves: list[tuple[bool, int, float]], ledger: Ledger) -> tuple[Ledger, list[int], int]:
    """Reserve, or settle the oldest reservation at some share: the ledger, what is still open, what was paid."""
    still: list[int] = []
    paid = 0
    for reserve, units, share in moves:
        if reserve or not still:
            ledger = ledger.reserve(units)
            still.append(units)
        else:
            oldest = still.pop(0)
            ledger = ledger.settle(oldest, round(oldest * share))
            paid += round(oldest * share)
    return ledger, still, paid


@given(st.none() | UNITS, MOVES)
def test_reserved_spent_and_remaining_always_sum_to_the_balance(
    balance: int | None, moves: list[tuple[bool, int, float]]
) -> None:
    ledger, still, paid = settled(moves, Ledger(balance))
    assert ledger.reserved == sum(still)
    assert ledger.spent == paid
    assert ledger.used == ledger.reserved + ledger.spent
    assert ledger.used + ledger.remaining == (NOMINAL_BALANCE if balance is None else balance)
    assert ledger.balance == balance


@given(UNITS, MOVES, UNITS)
def test_an_affordable_reservation_never_overdraws_and_any_other_would(
    balance: int, moves: list[tuple[bool, int, float]], units: int
) -> None:
    ledger = settled(moves, Ledger(balance))[0]
    assert ledger.affords(units) == (ledger.reserve(units).remaining >= 0)


@given(MOVES, st.integers(0, 10**30))
def test_an_unlimited_balance_affords_everything(moves: list[tuple[bool, int, float]], units: int) -> None:
    assert settled(moves, Ledger())[0].affords(units)


@given(UNITS, UNITS)
def test_a_failed_task_refunds_its_whole_reservation(balance: int, units: int) -> None:
    assert Ledger(balance).reserve(units).settle(units, 0) == Ledger(balance)


def test_the_last_credit_can_be_spent_and_no_more() -> None:
    assert Ledger(50_000).affords(50_000)
    assert not Ledger(50_000).affords(50_001)


@given(st.integers(-(10**14), 10**14))
def test_credits_show_every_unit(units: int) -> None:
    assert to_units(to_credits(units)) == units


@pytest.mark.parametrize(
    ("units", "shown"), [(50_000, "5"), (75_000, "7.5"), (1, "0.0001"), (0, "0"), (-15_000, "-1.5")]
)
def test_whole_credits_are_integers(units: int, shown: str) -> None:
    assert repr(to_credits(units)) == shown
