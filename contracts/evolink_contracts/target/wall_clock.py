"""The wall clock and unpredictable tokens; no other module of this package touches either."""

import secrets
from datetime import UTC, datetime
from time import monotonic, sleep

from evolink_contracts.spec.wire import Seconds


class WallClock:
    """Real time, counted from when this was made. Tests provide another."""

    def __init__(self) -> None:
        self._began = monotonic()

    def now(self) -> Seconds:
        """A reading that never decreases."""
        return monotonic() - self._began

    def wait(self, seconds: Seconds) -> None:
        sleep(seconds)

    def date(self) -> str:
        """The date and time in UTC, such as `2026-11-29T03:10:00Z`."""
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def nonce(self) -> str:
        """A token that was never used before."""
        return secrets.token_hex(8)
