"""Running model: the reference model step by step, with the state of tasks, credits and callbacks that may be seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from evolink_contracts.reference.numbers import credits_text, finite_number
from evolink_contracts.reference.oracle import STATUS_RANK, Assessment
from evolink_contracts.spec.errors import FAILURES
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS as POLICY
from evolink_contracts.spec.wire import Credits, Seconds
from evolink_contracts.trace.events import Attempt, Call, Event
from evolink_contracts.trace.history import TOLERANCE, Create, user_balance


class Contradiction(NamedTuple):
    """An observation that the model excludes, and the number of the promise that it breaks."""

    promise: str
    says: str


@dataclass
class KnownTask:
    """The last observed state of a task, and its price."""

    reserved: Credits
    """Infinite if the create showed no price."""
    ends: str | None = None
    """The failure code of its end, "" for a success; `None` if it is unknown."""
    exact: bool = True
    """Whether a success costs exactly what was reserved."""
    status: str = "pending"
    progress: int = 0

    @property
    def least(self) -> Credits:
        """The least that it can have cost, since an end that was not observed may have been a failure."""
        return self.reserved if self.exact and self.status == "completed" else 0.0

    @property
    def most(self) -> Credits:
        return 0.0 if self.status in ("failed", "cancelled") else self.reserved


class RunningModel:
    """The model of one key. Each method takes an observation, and returns its contradictions.

    `exact` means that prices and ends are known, and that gaps are on a manual clock. Otherwise the answer to a create
    gives its price, and gaps may deviate by `tolerance`.
    """

    def __init__(self, *, exact: bool = True, tolerance: Seconds = TOLERANCE) -> None:
        self.tasks: dict[str, KnownTask] = {}
        self._exact = exact
        self._tolerance = 1e-3 if exact else tolerance
        self._used_before: Credits | None = None
        self._observed = 0
        self._chains: dict[str, list[Attempt]] = {}

    def task_created(self, call: Call, assessment: Assessment, scenario: str | None = None) -> None:
        """A create was accepted; `scenario` is the outcome that was requested for it."""
        create = Create(call, assessment)
        reserved = finite_number(assessment.cost if self._exact else create.usage.get("credits_reserved"))
        ends = _END_OF.get(scenario, "") if self._exact else None
        self.tasks[create.task] = KnownTask(inf if reserved is None else reserved, ends, self._exact)

    def task_cancelled(self, task: str) -> None:
        """A task was cancelled before its end."""
        if task in self.tasks and self._exact:
            self.tasks[task].ends = "request_cancelled"

    def task_read(self, call: Call) -> list[Contradiction]:
        """The owner of a task queried it."""
        body = call.answer_object
        known = self.tasks.get(str(body.get("id")))
        if call.status != 200:
            return [Contradiction("VC-053", f"the owner of the task got {call.status}: {call.answer[:200]}")]
        if known is None:
            return [Contradiction("VC-051", f"the response shows a task that was never created: {call.answer[:200]}")]
        found = []
        status, progress = str(body.get("status")), body.get("progress")
        before, after = STATUS_RANK.get(known.status, 0), STATUS_RANK.get(status, -1)
        if after < before or (before == STATUS_RANK["failed"] and status != known.status):
            found.append(Contradiction("VC-042", f"{known.status} became {status}"))
        if type(progress) is not int or not 0 <= progress <= 100:
            found.append(Contradiction("VC-043", f"progress is {progress!r}"))
            progress = known.progress
        elif status != "failed" and progress < known.progress:
            found.append(Contradiction("VC-043", f"progress fell from {known.progress} to {progress}"))
        known.status, known.progress = status, progress
        if known.ends is not None and after == STATUS_RANK["failed"]:
            found += _wrong_end(known.ends, call)
        return found

    def credits_read(self, call: Call) -> list[Contradiction]:
        """The owner of the key queried the credits."""
        shown = user_balance(call).get("used_credits")
        used = finite_number(shown)
        if used is None:
            return [Contradiction("VC-082", f"used_credits is {str(shown)[:40]!r}, which is not a number")]
        if self._used_before is None:
            self._used_before = used
        used -= self._used_before
        least = sum(task.least for task in self.tasks.values())
        most = sum(task.most for task in self.tasks.values())
        if not least - 1e-6 <= used <= most + 1e-6:
            expected = credits_text(least) if least == most else f"{credits_text(least)} to {credits_text(most)}"
            return [Contradiction("VC-083", f"{credits_text(used)} credits are used; {expected} were expected")]
        return []

    def callbacks_received(self, trace: Sequence[Event]) -> list[Contradiction]:
        """A trace has grown; contradictions of the attempts that are new in it."""
        new, self._observed = trace[self._observed :], len(trace)
        return [found for event in new if isinstance(event, Attempt) for found in self._next_attempt(event)]

    def _next_attempt(self, attempt: Attempt) -> list[Contradiction]:
        chain = self._chains.setdefault(attempt.url, [])
        before = chain[-1] if chain else None
        chain.append(attempt)
        if before is None:
            return []
        if isinstance(before.outcome, int) and before.outcome in POLICY.success:
            return [Contradiction("VC-064", f"it was sent again after {before.outcome}")]
        if len(chain) > POLICY.max_attempts:
            return [Contradiction("VC-066", f"there were {len(chain)} attempts")]
        gap, due = attempt.at - before.at - before.took, POLICY.gaps[len(chain) - 2]
        if abs(gap - due) <= self._tolerance:
            return []
        return [Contradiction("VC-067", f"{gap:g} s passed; {due:g} s were expected")]


_END_OF: Mapping[str | None, str] = {
    "cancel=failed": "request_cancelled",
    **{f"fail={code}": code for code in FAILURES},
}


def _wrong_end(ends: str, call: Call) -> list[Contradiction]:
    status, code = call.answer_object.get("status"), (call.error or {}).get("code", "")
    if (status, code) == ("failed" if ends else "completed", ends):
        return []
    return [
        Contradiction(
            "VC-048", f"it ended {' '.join(filter(None, (status, code)))}; {ends or 'completed'} was expected"
        )
    ]
