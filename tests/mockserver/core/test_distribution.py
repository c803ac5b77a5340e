"""How long videos take: each distribution keeps its range, and no other text is accepted."""

import math
from itertools import product
from statistics import fmean, pstdev

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evolink_mock.core.distribution import GENERATION_TIME_FORM, Distribution, parse_generation_time, sample_times
from evolink_mock.core.duration import LONGEST, SECOND, show_duration

ALMOST_ONE = 1 - 2**-32
UNITS = st.tuples(*[st.floats(0, ALMOST_ONE)] * 4)
MICROS = st.integers(0, LONGEST)
UNIFORM = st.tuples(MICROS, MICROS).map(sorted).map(lambda ends: Distribution(*ends))
LOGNORMAL = st.builds(lambda median, sigma: Distribution(median, median, sigma), MICROS, st.floats(0, 3))


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ("quick", Distribution(3 * SECOND, 8 * SECOND)),
        ("documented", Distribution(108 * SECOND, 132 * SECOND)),
        ("5s", Distribution(5 * SECOND, 5 * SECOND)),
        ("0s", Distribution(0, 0)),
        ("3s-8s", Distribution(3 * SECOND, 8 * SECOND)),
        ("250ms-1m", Distribution(250_000, 60 * SECOND)),
        ("7s-7s", Distribution(7 * SECOND, 7 * SECOND)),
        ("lognormal:120s:0.3", Distribution(120 * SECOND, 120 * SECOND, 0.3)),
        ("lognormal:2m:0", Distribution(120 * SECOND, 120 * SECOND, 0.0)),
        ("lognormal:1s:3", Distribution(SECOND, SECOND, 3.0)),
    ],
)
def test_every_documented_form_is_read(text: str, distribution: Distribution) -> None:
    assert parse_generation_time(text) == distribution


def test_documented_time_surrounds_the_documented_estimate_of_120_seconds() -> None:
    distribution = parse_generation_time("documented")
    assert (distribution.low + distribution.high) / 2 == 120 * SECOND


@given(UNIFORM)
def test_a_range_reads_back_as_it_was_written(distribution: Distribution) -> None:
    assert (
        parse_generation_time(f"{show_duration(distribution.low)}-{show_duration(distribution.high)}") == distribution
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", "slow", "QUICK", " quick", "5", "-5s", "5s-", "-", "8s-3s", "3s-8s-9s", "3s - 8s", "3s..8s", "367d"),
        *("lognormal", "lognormal:120s", "lognormal:120s:", "lognormal::0.3", "lognormal:120s:-1"),
        *(
            "lognormal:120s:3.01",
            "lognormal:120s:.",
            "lognormal:120s:1.2.3",
            "lognormal:120s:nan",
            "lognormal:120s:inf",
        ),
        *("lognormal:120:0.3", "lognormal:120s:0.3:1", "lognormal:120s:0.3\n", "normal:120s:0.3"),
    ],
    ids=ascii,
)
def test_anything_else_is_refused_with_the_accepted_forms(text: str) -> None:
    with pytest.raises(ValueError, match="is not a generation time") as refusal:
        parse_generation_time(text)
    assert repr(text) in str(refusal.value)
    assert GENERATION_TIME_FORM in str(refusal.value)


@given(UNIFORM, UNITS)
@example(Distribution(0, LONGEST), (ALMOST_ONE,) * 4)
def test_a_uniform_distribution_ends_within_its_range(
    distribution: Distribution, units: tuple[float, float, float, float]
) -> None:
    assert distribution.low <= sample_times(distribution, units)[1] <= distribution.high


@given(st.one_of(UNIFORM, LOGNORMAL), UNITS)
@example(Distribution(LONGEST, LONGEST, 3.0), (ALMOST_ONE, 0, 0, 0))
def test_a_task_waits_for_a_tenth_to_three_tenths_of_its_time(
    distribution: Distribution, units: tuple[float, float, float, float]
) -> None:
    starts, ends = sample_times(distribution, units)
    assert 0 <= ends <= LONGEST
    assert int(0.1 * ends) <= starts <= math.ceil(0.3 * ends)


def test_a_uniform_distribution_reaches_both_ends_and_the_middle() -> None:
    distribution = parse_generation_time("2s-4s")
    assert [sample_times(distribution, (unit, 0, 0, 0))[1] / SECOND for unit in (0, 0.5, ALMOST_ONE)] == [
        2,
        3,
        pytest.approx(4, abs=1e-5),
    ]


@given(UNITS, st.floats(0, 1))
def test_a_log_normal_time_is_as_likely_above_its_median_as_below(
    units: tuple[float, float, float, float], sigma: float
) -> None:
    distribution = Distribution(3600 * SECOND, 3600 * SECOND, sigma)
    here, there = (sample_times(distribution, (units[0], angle, 0, 0))[1] for angle in (units[1], units[1] + 0.5))
    assert math.sqrt(here * there) == pytest.approx(distribution.low, rel=1e-3)


@pytest.mark.parametrize("sigma", [0.0, 0.3, 1.0])
def test_sigma_is_the_spread_of_the_logarithm(sigma: float) -> None:
    distribution = Distribution(3600 * SECOND, 3600 * SECOND, sigma)
    grid = [(step + 0.5) / 100 for step in range(100)]
    logs = [math.log(sample_times(distribution, (*point, 0, 0))[1] / distribution.low) for point in product(grid, grid)]
    assert fmean(logs) == pytest.approx(0, abs=1e-3)
    assert pstdev(logs) == pytest.approx(sigma, rel=0.02)
