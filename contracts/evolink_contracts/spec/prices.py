"""Prices of videos: credits per second, factors of quality and silence, and a minimum, as in the public rules."""

from dataclasses import dataclass
from fractions import Fraction

from evolink_contracts.spec.sources import Basis
from evolink_contracts.spec.wire import Credits


@dataclass(frozen=True, kw_only=True)
class QualityFactor:
    """Factor of the price of a second at one quality."""

    quality: str
    factor: float


QUALITY_FACTORS = (QualityFactor(quality="720p", factor=1.0), QualityFactor(quality="1080p", factor=1.67))
"""The factors of the wan2.6 models."""


@dataclass(frozen=True, kw_only=True)
class Price:
    """Price of a video: its seconds × `credits_per_second` × factors, rounded half up to four decimals, and not less
    than `minimum`. `silent_factor` applies to `generate_audio: false`; a model that has no such field has none.

    The rule is the same for the reservation, by the requested length, and for the charge, by the real length.
    """

    credits_per_second: Credits
    minimum: Credits
    silent_factor: float | None = None
    quality_factors: tuple[QualityFactor, ...] = QUALITY_FACTORS
    basis: Basis = "recorded"
    source: str = "S11"

    @property
    def highest_quality(self) -> str:
        """The quality that costs most."""
        return max(self.quality_factors, key=lambda row: row.factor).quality

    def per_second(self, quality: str, *, silent: bool = False) -> Fraction:
        """The exact credits for one second. Raises `KeyError` for an unknown quality."""
        factor = {row.quality: row.factor for row in self.quality_factors}[quality]
        silence = self.silent_factor if silent and self.silent_factor is not None else 1.0
        # The figures are decimals, which their shortest texts give exactly, unlike the floats themselves.
        return Fraction(str(self.credits_per_second)) * Fraction(str(factor)) * Fraction(str(silence))
