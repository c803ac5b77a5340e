"""Log of callbacks: one line for each attempt, and a warning for each callback that its receiver never got."""

import logging
from collections import Counter

from evolink_contracts.spec.timing import CallbackPolicy
from evolink_mock.clock import call_later
from evolink_mock.core.callback_routes import parse_callback_url
from evolink_mock.core.delivery import Delivery, describe
from evolink_mock.core.redaction import redact
from evolink_mock.log_lines import one_line

log = logging.getLogger("evolink_mock")

WINDOW = 10.0
"""Seconds of wall time in which warnings are counted."""
IN_FULL = 20
"""Warnings of one reason that a window shows; those after them are summed up at its end."""
_REASONS = 100
"""Reasons that a window counts separately."""
_LONGEST = 600
_OTHERS = "other reasons"


class CallbackLog:
    """Writes what becomes of callbacks. A flood of them costs a bounded number of lines."""

    def __init__(self, policy: CallbackPolicy) -> None:
        self._policy = policy
        self._counts: Counter[str] = Counter()

    def is_due(self, delivery: Delivery) -> bool:
        """Whether the last attempt of a delivery is logged."""
        return delivery.stage == "exhausted" or _has_hint(delivery) or log.isEnabledFor(logging.INFO)

    def attempted(self, number: int, delivery: Delivery, url: str, key: str) -> None:
        """Log the last attempt of a delivery, and warn of a response with a hint and of the end without success."""
        made = delivery.attempts[-1]
        if delivery.stage == "exhausted" or _has_hint(delivery):
            place = "/".join(made.target.split("/", 3)[:3])  # The rest may hold a secret too.
            detail = f" ({made.result.detail})" if made.result.detail else ""
            says = (
                f"attempt {len(delivery.attempts)} of {self._policy.max_attempts}: the receiver at {place} "
                f"{describe(made.result)}{detail}"
            )
            if delivery.stage == "exhausted":
                says += f"; POST /__mock/deliveries/{number}/replay sends it again"
            self._warn(f"{delivery.stage} at {place}", number, delivery, url, key, says)
        else:
            log.info(
                "%s attempt %d: the receiver %s in %.1f ms",
                _subject(number, delivery, url),
                len(delivery.attempts),
                describe(made.result),
                made.result.latency / 1000,
            )

    def ended(self, number: int, delivery: Delivery, url: str, key: str) -> None:
        """Warn of a delivery for which no attempt could be made."""
        self._warn(delivery.note, number, delivery, url, key, delivery.note)

    def postponed(self, reason: str) -> None:
        """Warn that an attempt is made later, for a reason on this machine."""
        says = f"callbacks wait, and no attempt is counted: {reason}"
        if self._counted(says) == 1:
            log.warning(
                "%s; a higher limit of open files (ulimit -n) lets more be sent at one time", one_line(says, _LONGEST)
            )

    def _counted(self, reason: str) -> int:
        """Count a warning; the number that its reason has in this window."""
        if not self._counts:
            call_later(WINDOW, self._sum_up)
        counted = reason if reason in self._counts or len(self._counts) < _REASONS else _OTHERS
        self._counts[counted] += 1
        return self._counts[counted]

    def _warn(self, reason: str, number: int, delivery: Delivery, url: str, key: str, says: str) -> None:
        if self._counted(reason) <= IN_FULL:
            line = f"{_subject(number, delivery, url)} {delivery.stage}: {says}"
            log.warning("%s", one_line(redact(line.encode(), key).decode(), _LONGEST))

    def _sum_up(self) -> None:
        for reason, count in self._counts.items():
            if count > IN_FULL:
                log.warning(
                    "%d more callbacks in the last %g s: %s", count - IN_FULL, WINDOW, one_line(reason, _LONGEST)
                )
        self._counts.clear()


def _has_hint(delivery: Delivery) -> bool:
    """Whether there is more to say about the response to the last attempt than its status."""
    result = delivery.attempts[-1].result
    return result.error is None and bool(result.detail)


def _subject(number: int, delivery: Delivery, url: str) -> str:
    # Receivers keep secrets in the paths of their URLs.
    try:
        origin = parse_callback_url(url).origin
    except ValueError:
        origin = "an invalid URL"
    return f"callback {number} of {delivery.task} to {origin}"
