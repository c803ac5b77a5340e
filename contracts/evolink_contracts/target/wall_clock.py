"""The wall clock and unpredictable tokens; no other module of this package touches either."""

import secrets
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from evolink_contracts.spec.wire import Seconds

# Not by the function that a test may replace, as freezegun does: waiting would never end.
_monotonic: Callable[[], Seconds]
if sys.platform == "win32":
    _monotonic = time.monotonic
else:
    _monotonic = partial(time.clock_gettime, time.CLOCK_MONOTONIC)


class WallClock:
    """Real time, counted from when this was made. Tests provide another."""

    def __init__(self) -> None:
        self._began = _monotonic()

    def now(self) -> Seconds:
        """A reading that never decreases."""
        return _monotonic() - self._began

    def wait(self, seconds: Seconds) -> None:
        time.sleep(seconds)

    def date(self) -> str:
        """The date and time in UTC, such as `2026-11-29T03:10:00Z`."""
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def nonce(self) -> str:
        """A token that was never used before."""
        return secrets.token_hex(8)
