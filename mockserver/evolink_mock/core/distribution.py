"""How long a video takes to make. Only this is shortened for the user; what the documents show as estimate stays."""

import math
import re
from typing import NamedTuple

from evolink_mock.core.duration import LONGEST, SECOND, Micros, parse_duration


class Distribution(NamedTuple):
    """A law for the time from creation to the end: from `low` to `high` evenly, or log-normal about the median `low`.

    `sigma` is the standard deviation of the logarithm; without it the law is the even one. All in microseconds.
    """

    low: Micros
    high: Micros
    sigma: float | None = None


NAMED = {
    "quick": Distribution(3 * SECOND, 8 * SECOND),
    # S1a shows an estimate of 120 s; nobody has published how far real tasks stray from it.
    "documented": Distribution(108 * SECOND, 132 * SECOND),
}
FORM = "quick, documented, a duration (5s), a range (3s-8s), or lognormal:MEDIAN:SIGMA (lognormal:120s:0.3)"

_LEAST_PENDING, _MORE_PENDING = 0.1, 0.2
"""From 10 to 30 % of the time is spent pending; no source says how much it is."""


def parse_generation_time(text: str) -> Distribution:
    """A `--generation-time`. Raises `ValueError` naming the accepted forms."""
    if text in NAMED:
        return NAMED[text]
    try:
        return parse_distribution(text)
    except ValueError as error:
        raise ValueError(f"{text[:60]!r} is not a generation time ({error}): write {FORM}") from None


def parse_distribution(text: str) -> Distribution:
    """A law that has no name. Raises `ValueError` that says what is wrong with it."""
    if match := re.fullmatch(r"lognormal:([^:]+):([0-9.]{1,8})", text):
        median, sigma = parse_duration(match[1]), float(match[2])
        if sigma > 3:
            raise ValueError(f"a sigma of {sigma} is above 3")
        return Distribution(median, median, sigma)
    low, dash, high = text.partition("-")
    law = Distribution(parse_duration(low), parse_duration(high if dash else low))
    if law.high < law.low:
        raise ValueError("its end lies before its start")
    return law


def sample(law: Distribution, luck: float, other: float) -> Micros:
    """What the law gives to two numbers in [0, 1)."""
    if law.sigma is None:
        return law.low + int((law.high - law.low) * luck)
    normal = math.sqrt(-2 * math.log(1 - luck)) * math.cos(2 * math.pi * other)
    return min(int(law.low * math.exp(law.sigma * normal)), LONGEST)


def sample_times(law: Distribution, luck: tuple[float, float, float, float]) -> tuple[Micros, Micros]:
    """When a task starts and when it ends, both counted from its creation."""
    total = sample(law, luck[0], luck[1])
    return int(total * (_LEAST_PENDING + _MORE_PENDING * luck[2])), total
