"""The machine's clock and luck, and the only module of this package that touches them."""

import secrets
from time import monotonic, sleep

from evolink_contracts.spec.wire import Seconds


class Wall:
    """Time as it passes for everybody, from when this was made. Tests give another."""

    def __init__(self) -> None:
        self._began = monotonic()

    def now(self) -> Seconds:
        """A reading that never falls."""
        return monotonic() - self._began

    def wait(self, seconds: Seconds) -> None:
        sleep(seconds)

    def nonce(self) -> str:
        """Letters that nobody had before."""
        return secrets.token_hex(8)
