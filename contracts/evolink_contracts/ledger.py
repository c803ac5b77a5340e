"""The reference model as it goes along: after each step, what may be seen of tasks, credits and callbacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evolink_contracts.history import TOLERANCE, Create
from evolink_contracts.oracle import ORDER, Judged
from evolink_contracts.spec.errors import FAILURES
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS as POLICY
from evolink_contracts.spec.wire import Credits
from evolink_contracts.trace import Attempt, Call, Event


@dataclass
class Known:
    """What is known of a task: how far it had come when it was seen last, and what it holds."""

    reserved: Credits
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
    """Of one key. Each method takes what was just seen, and says in words what cannot be; `None` where all is well.

    `exact`: prices and ends are known, and gaps are on a clock that is moved. Otherwise a create says what it reserves,
    and gaps may differ a little.
    """

    def __init__(self, *, exact: bool = True) -> None:
        self.known: dict[str, Known] = {}
        self._exact = exact
        self._gap = 1e-3 if exact else TOLERANCE
        self._before: Credits | None = None
        self._judged = 0
        self._chains: dict[str, list[Attempt]] = {}

    def created(self, call: Call, judged: Judged, scenario: str | None = None) -> None:
        """A create was accepted; `scenario` is what was asked to become of it."""
        create = Create(call, judged)
        reserved = judged.cost if self._exact else create.usage.get("credits_reserved")
        if isinstance(reserved, int | float):
            ends = _END_OF.get(scenario, "") if self._exact else None
            self.known[create.task] = Known(float(reserved), ends, self._exact)

    def cancelled(self, task: str) -> None:
        """A task was cancelled before its end."""
        if task in self.known and self._exact:
            self.known[task].ends = "request_cancelled"

    def read(self, call: Call) -> str | None:
        """A task was looked at by its owner."""
        body = _object(call.json)
        known = self.known.get(str(body.get("id")))
        if call.status != 200 or known is None:
            return f"the owner of a task got {call.status}: {call.answer[:200]}"
        status, progress = str(body.get("status")), body.get("progress")
        before, after = ORDER.get(known.status, 0), ORDER.get(status, -1)
        if after < before or (before == 2 and status != known.status):
            return f"{known.status} became {status}"
        if type(progress) is not int or not 0 <= progress <= 100:
            return f"progress is {progress!r}"
        if status != "failed" and progress < known.progress:
            return f"progress fell from {known.progress} to {progress}"
        known.status, known.progress = status, progress
        return None if known.ends is None or after < 2 else _other_end(known.ends, body)

    def looked(self, call: Call) -> str | None:
        """The credits were looked at."""
        used = _object(_object(_object(call.json).get("data")).get("user")).get("used_credits")
        if not isinstance(used, int | float):
            return f"used_credits is {used!r}"
        if self._before is None:
            self._before = used
        used -= self._before
        least, most = (sum(getattr(known, end) for known in self.known.values()) for end in ("least", "most"))
        if not least - 1e-6 <= used <= most + 1e-6:
            return f"{used:g} credits are used where from {least:g} to {most:g} can be"
        return None

    def heard(self, trace: Sequence[Event]) -> str | None:
        """Callbacks may have come since it was asked last."""
        new, self._judged = trace[self._judged :], len(trace)
        for event in new:
            if isinstance(event, Attempt) and (wrong := self._follows(event)) is not None:
                return wrong
        return None

    def _follows(self, attempt: Attempt) -> str | None:
        chain = self._chains.setdefault(attempt.url, [])
        before = chain[-1] if chain else None
        chain.append(attempt)
        if before is None:
            return None
        if isinstance(before.outcome, int) and before.outcome in POLICY.success:
            return f"after {before.outcome} it was called again"
        if len(chain) > POLICY.max_attempts:
            return f"there were {len(chain)} attempts"
        gap, due = attempt.at - before.at - before.took, POLICY.gaps[len(chain) - 2]
        return None if abs(gap - due) <= self._gap else f"{gap:g} s passed where {due:g} s belong"


_END_OF: Mapping[str | None, str] = {
    "cancel=failed": "request_cancelled",
    **{f"fail={code}": code for code in FAILURES},
}


def _other_end(ends: str, body: Mapping[str, Any]) -> str | None:
    error = _object(body.get("error")).get("code", "")
    if (body.get("status"), error) == ("failed" if ends else "completed", ends):
        return None
    return f"it ended {body.get('status')} {error} where {ends or 'a success'} belongs"


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
