"""A duration survives being written and read again, and whatever is no duration is refused with the form that is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_mock.core.duration import (
    FORM,
    LONGEST,
    SPAN_FORM,
    parse_duration,
    parse_time_span,
    show_duration,
    show_rounded_duration,
    to_seconds,
)

UNITS = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
YEAR_2100 = 4_102_444_800_000_000


@given(st.integers(0, LONGEST))
def test_a_shown_duration_parses_to_the_same_duration(micros: int) -> None:
    assert parse_duration(show_duration(micros)) == micros


@given(st.integers(0, 366), st.sampled_from(sorted(UNITS)))
def test_a_whole_number_counts_its_unit(number: int, unit: str) -> None:
    assert parse_duration(f"{number}{unit}") == number * UNITS[unit]


@given(st.integers(0, 999), st.integers(0, 999_999), st.sampled_from(["s", "m", "h"]))
def test_six_decimals_of_a_second_or_more_are_exact(whole: int, millionths: int, unit: str) -> None:
    expected = (whole * 1_000_000 + millionths) * UNITS[unit] // 1_000_000
    assert parse_duration(f"{whole}.{millionths:06d}{unit}") == expected


@pytest.mark.parametrize(
    ("text", "micros", "shown"),
    [
        ("0s", 0, "0s"),
        ("1us", 1, "0.000001s"),
        ("250ms", 250_000, "0.25s"),
        ("1.5s", 1_500_000, "1.5s"),
        ("7s", 7_000_000, "7s"),
        ("2m", 120_000_000, "120s"),
        ("24h", 86_400_000_000, "86400s"),
        ("366d", 31_622_400_000_000, "31622400s"),
    ],
)
def test_examples(text: str, micros: int, shown: str) -> None:
    assert parse_duration(text) == micros
    assert show_duration(micros) == shown


@pytest.mark.parametrize(
    "text",
    [
        *("", "5", "s", "5 s", " 5s", "5s ", "5s\n", "-5s", "+5s", "5S", "5sec", "1e3s", ".5s", "5.s", "1,5s", "0x5s"),
        *("1m30s", "nans", "infs", "٥s", "５s", "5w", "1.1234567s", "1234567890123s", "\x00"),
    ],
    ids=ascii,
)
def test_any_other_text_is_refused_with_the_right_form(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration") as refusal:
        parse_duration(text)
    assert repr(text) in str(refusal.value)
    assert FORM in str(refusal.value)


@pytest.mark.parametrize("text", ["366.000001d", "367d", "8785h", "31622400.000001s", "999999999999d"])
def test_more_than_366_days_are_refused_as_too_long(text: str) -> None:
    with pytest.raises(ValueError, match="is too long"):
        parse_duration(text)


@given(st.text(max_size=3000) | st.from_regex(r"[0-9]{1,13}(\.[0-9]{0,7})?(us|ms|s|m|h|d)", fullmatch=True))
def test_any_text_is_a_duration_of_at_most_366_days_or_refused_in_few_words(text: str) -> None:
    outcome: int | str
    try:
        outcome = parse_duration(text)
    except ValueError as refusal:
        outcome = str(refusal)
    assert len(outcome) < 600 if isinstance(outcome, str) else 0 <= outcome <= LONGEST


@given(st.integers(0, YEAR_2100))
def test_seconds_keep_every_microsecond_of_this_century(instant: int) -> None:
    assert round(to_seconds(instant) * 1_000_000) == instant


@given(st.integers(0, LONGEST))
def test_a_time_span_may_be_a_number_of_seconds_or_the_same_number_with_a_unit(micros: int) -> None:
    seconds = to_seconds(micros)
    assert (
        parse_time_span(seconds) == parse_time_span(f"{seconds}s") == parse_time_span(show_duration(micros)) == micros
    )


@given(st.floats(0, 366 * 24 * 3600))
def test_a_time_span_is_exact_to_the_nearest_microsecond(seconds: float) -> None:
    assert abs(parse_time_span(seconds) - seconds * 1_000_000) <= 0.51
    assert parse_time_span(f"{seconds}s") == parse_time_span(seconds)


@given(
    st.floats(max_value=-1e-6)
    | st.integers(max_value=-1)
    | st.integers(min_value=LONGEST)
    | st.sampled_from(
        [float("nan"), float("inf"), 10**5000, True, False, None, [7], b"7s", "", "7", "-7s", "1e9999s", "9s" * 500]
    )
)
def test_anything_else_is_refused_with_the_forms_and_the_bounds(span: object) -> None:
    with pytest.raises(ValueError, match=r"is not a time span|is out of bounds") as refusal:
        parse_time_span(span)
    assert SPAN_FORM in str(refusal.value)
    assert len(str(refusal.value)) < 250


@pytest.mark.parametrize(
    ("micros", "shown"),
    [(0, "0s"), (2_068_439, "2.07s"), (1_500_000, "1.5s"), (100_000_000, "100s"), (999_999, "1s"), (4_000, "0s")],
)
def test_a_person_sees_two_decimals(micros: int, shown: str) -> None:
    assert show_rounded_duration(micros) == shown
