"""Limits of downloads."""

from dataclasses import dataclass

from evolink_client._flows import SHORTEST, at_least
from evolink_client._models import Seconds


@dataclass(frozen=True)
class Downloads:
    """Limits of each download: at most `size` bytes, compressed or not, within `timeout` seconds for all of it.

    A pause of `Retries.timeout` ends it earlier. Raises `NotConfigured`.
    """

    timeout: Seconds = 600.0
    size: int = 1024**3

    def __post_init__(self) -> None:
        at_least(SHORTEST, timeout=self.timeout)
        at_least(1, size=self.size)
