"""How long an answer takes, where a scenario says so: always the same, evenly drawn, or log-normal."""

from evolink_mock.core.distribution import Distribution, parse_distribution, sample
from evolink_mock.core.duration import SECOND, Micros, show_duration

FORM = "a duration (2s), a range (1s-3s), or lognormal:MEDIAN:SIGMA (lognormal:800ms:0.5)"
LONGEST: Micros = 600 * SECOND
"""No answer is held back longer."""


def parse_latency(text: str) -> Distribution:
    """Raises `ValueError` naming the accepted forms."""
    try:
        law = parse_distribution(text)
        if law.high > LONGEST:
            raise ValueError(f"it is above {show_duration(LONGEST)}")
    except ValueError as error:
        raise ValueError(f"{text[:60]!r} is not a latency ({error}): write {FORM}") from None
    return law


def sample_latency(law: Distribution, luck: tuple[float, float, float, float]) -> Micros:
    """What a law gives to somebody's luck, four numbers in [0, 1) of which it uses two."""
    return min(sample(law, luck[0], luck[1]), LONGEST)
