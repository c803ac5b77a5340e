"""The reference model as it goes along: after each step, what may be seen of tasks, credits and callbacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

from evolink_contracts.reference.numbers import amount
from evolink_contracts.reference.oracle import ORDER, Judged
from evolink_contracts.spec.errors import FAILURES
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS as POLICY
from evolink_contracts.spec.wire import Credits, Seconds
from evolink_contracts.trace.events import Attempt, Call, Event
from evolink_contracts.trace.history import TOLERANCE, Create, balance_of


class Wrong(NamedTuple):
    """What cannot be, and the number of the promise that it breaks."""

    promise: str
    says: str


@dataclass
class Known:
    """What is known of a task: how far it had come when it was seen last, and what it holds."""

    reserved: Credits
    """Without end where nobody said what it is."""
    ends: str | None = None
    """The failure code that it must end with, "" for a success; `None` where nobody can know."""
    exact: bool = True
    """Whether a success costs what was reserved, and no less."""
    status: str = "pending"
    progress: int = 0

    @property
    def least(self) -> Credits:
        """What it has cost at least, since an end that nobody saw may have been a failure."""
        return self.reserved if self.exact and self.status == "completed" else 0.0

    @property
    def most(self) -> Credits:
        return 0.0 if self.status in ("failed", "cancelled") else self.reserved


class Ledger:
    """Of one key. Each method takes what was just seen, and tells what cannot be; nothing where all is well.

    `exact`: prices and ends are known, and gaps are on a clock that is moved. Otherwise a create says what it reserves,
    and gaps may differ by `tolerance`.
    """

    def __init__(self, *, exact: bool = True, tolerance: Seconds = TOLERANCE) -> None:
        self.known: dict[str, Known] = {}
        self._exact = exact
        self._gap = 1e-3 if exact else tolerance
        self._before: Credits | None = None
        self._judged = 0
        self._chains: dict[str, list[Attempt]] = {}

    def created(self, call: Call, judged: Judged, scenario: str | None = None) -> None:
        """A create was accepted; `scenario` is what was asked to become of it."""
        create = Create(call, judged)
        reserved = judged.cost if self._exact else create.usage.get("credits_reserved")
        price = amount(reserved)
        ends = _END_OF.get(scenario, "") if self._exact else None
        self.known[create.task] = Known(inf if price is None else price, ends, self._exact)

    def cancelled(self, task: str) -> None:
        """A task was cancelled before its end."""
        if task in self.known and self._exact:
            self.known[task].ends = "request_cancelled"

    def read(self, call: Call) -> list[Wrong]:
        """A task was looked at by its owner."""
        body = _object(call.json)
        known = self.known.get(str(body.get("id")))
        if call.status != 200:
            return [Wrong("VC-053", f"the owner of a task got {call.status}: {call.answer[:200]}")]
        if known is None:
            return [Wrong("VC-051", f"a task that nobody made was told of: {call.answer[:200]}")]
        wrong = []
        status, progress = str(body.get("status")), body.get("progress")
        before, after = ORDER.get(known.status, 0), ORDER.get(status, -1)
        if after < before or (before == 2 and status != known.status):
            wrong.append(Wrong("VC-042", f"{known.status} became {status}"))
        if type(progress) is not int or not 0 <= progress <= 100:
            wrong.append(Wrong("VC-043", f"progress is {progress!r}"))
            progress = known.progress
        elif status != "failed" and progress < known.progress:
            wrong.append(Wrong("VC-043", f"progress fell from {known.progress} to {progress}"))
        known.status, known.progress = status, progress
        if known.ends is not None and after == ORDER["failed"]:
            wrong += _other_end(known.ends, body)
        return wrong

    def looked(self, call: Call) -> list[Wrong]:
        """The credits were looked at."""
        shown = balance_of(call).get("used_credits")
        used = amount(shown)
        if used is None:
            return [Wrong("VC-082", f"used_credits is {str(shown)[:40]!r}, which is no amount")]
        if self._before is None:
            self._before = used
        used -= self._before
        least, most = (sum(getattr(known, end) for known in self.known.values()) for end in ("least", "most"))
        if not least - 1e-6 <= used <= most + 1e-6:
            return [Wrong("VC-083", f"{used:g} credits are used where from {least:g} to {most:g} can be")]
        return []

    def heard(self, trace: Sequence[Event]) -> list[Wrong]:
        """Callbacks may have come since it was asked last."""
        new, self._judged = trace[self._judged :], len(trace)
        return [wrong for event in new if isinstance(event, Attempt) for wrong in self._follows(event)]

    def _follows(self, attempt: Attempt) -> list[Wrong]:
        chain = self._chains.setdefault(attempt.url, [])
        before = chain[-1] if chain else None
        chain.append(attempt)
        if before is None:
            return []
        if isinstance(before.outcome, int) and before.outcome in POLICY.success:
            return [Wrong("VC-064", f"after {before.outcome} it was called again")]
        if len(chain) > POLICY.max_attempts:
            return [Wrong("VC-066", f"there were {len(chain)} attempts")]
        gap, due = attempt.at - before.at - before.took, POLICY.gaps[len(chain) - 2]
        return [] if abs(gap - due) <= self._gap else [Wrong("VC-067", f"{gap:g} s passed where {due:g} s belong")]


_END_OF: Mapping[str | None, str] = {
    "cancel=failed": "request_cancelled",
    **{f"fail={code}": code for code in FAILURES},
}


def _other_end(ends: str, body: Mapping[str, Any]) -> list[Wrong]:
    error = _object(body.get("error")).get("code", "")
    if (body.get("status"), error) == ("failed" if ends else "completed", ends):
        return []
    return [Wrong("VC-048", f"it ended {body.get('status')} {error} where {ends or 'a success'} belongs")]


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
