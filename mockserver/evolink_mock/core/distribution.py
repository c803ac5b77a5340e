"""Probability distributions of durations: the generation time of videos, and the latency of responses.

Only the generation time is shortened for the user; the estimate that the documents show stays as it is.
"""

import math
import re
from typing import NamedTuple

from evolink_mock.core.duration import LONGEST, SECOND, Micros, parse_duration, show_duration


class Distribution(NamedTuple):
    """A uniform distribution from `low` to `high`, or a log-normal one with the median `low`. In microseconds.

    `sigma` is the standard deviation of the logarithm; without it the distribution is uniform.
    """

    low: Micros
    high: Micros
    sigma: float | None = None


NAMED = {
    "quick": Distribution(3 * SECOND, 8 * SECOND),
    # S1a shows an estimate of 120 s; no source says how far real tasks stray from it.
    "documented": Distribution(108 * SECOND, 132 * SECOND),
}
GENERATION_TIME_FORM = (
    "quick, documented, a duration (5s), a range (3s-8s), or lognormal:MEDIAN:SIGMA (lognormal:120s:0.3)"
)
LATENCY_FORM = "a duration (2s), a range (1s-3s), or lognormal:MEDIAN:SIGMA (lognormal:800ms:0.5)"
LONGEST_LATENCY: Micros = 600 * SECOND
"""No response is delayed longer."""

_MIN_PENDING, _PENDING_RANGE = 0.1, 0.2
"""A task is pending for 10 to 30 % of its time; no source says how long it is."""


def parse_generation_time(text: str) -> Distribution:
    """Parse a `--generation-time`. Raises `ValueError` naming the accepted forms."""
    if text in NAMED:
        return NAMED[text]
    try:
        return parse_distribution(text)
    except ValueError as error:
        raise ValueError(f"{text[:60]!r} is not a generation time ({error}): write {GENERATION_TIME_FORM}") from None


def parse_latency(text: str) -> Distribution:
    """Parse the latency of a scenario. Raises `ValueError` naming the accepted forms."""
    try:
        distribution = parse_distribution(text)
        if distribution.high > LONGEST_LATENCY:
            raise ValueError(f"it is above {show_duration(LONGEST_LATENCY)}")
    except ValueError as error:
        raise ValueError(f"{text[:60]!r} is not a latency ({error}): write {LATENCY_FORM}") from None
    return distribution


def parse_distribution(text: str) -> Distribution:
    """Parse a distribution without a name. Raises `ValueError` that says what is wrong with it."""
    if match := re.fullmatch(r"lognormal:([^:]+):([0-9.]{1,8})", text):
        median, sigma = parse_duration(match[1]), float(match[2])
        if sigma > 3:
            raise ValueError(f"a sigma of {sigma} is above 3")
        return Distribution(median, median, sigma)
    low, dash, high = text.partition("-")
    distribution = Distribution(parse_duration(low), parse_duration(high if dash else low))
    if distribution.high < distribution.low:
        raise ValueError("its end is before its start")
    return distribution


def show_distribution(distribution: Distribution) -> str:
    """A distribution of some seconds in words: `5 s`, `3 to 8 s`, `about 120 s`."""
    low, high = f"{distribution.low / SECOND:g}", f"{distribution.high / SECOND:g}"
    if distribution.sigma is not None:
        return f"about {low} s"
    return f"{low} s" if low == high else f"{low} to {high} s"


def sample(distribution: Distribution, unit: float, other_unit: float) -> Micros:
    """Draw from a distribution by two numbers in [0, 1); a uniform one uses only the first."""
    if distribution.sigma is None:
        return distribution.low + int((distribution.high - distribution.low) * unit)
    normal = math.sqrt(-2 * math.log(1 - unit)) * math.cos(2 * math.pi * other_unit)
    return min(int(distribution.low * math.exp(distribution.sigma * normal)), LONGEST)


def sample_times(distribution: Distribution, units: tuple[float, float, float, float]) -> tuple[Micros, Micros]:
    """Draw when a task starts and when it ends, both counted from its creation."""
    total = sample(distribution, units[0], units[1])
    return int(total * (_MIN_PENDING + _PENDING_RANGE * units[2])), total


def sample_latency(distribution: Distribution, units: tuple[float, float, float, float]) -> Micros:
    """Draw a latency, of at most `LONGEST_LATENCY`."""
    return min(sample(distribution, units[0], units[1]), LONGEST_LATENCY)
