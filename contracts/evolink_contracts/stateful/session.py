"""Session: one history of a service, checked after each step by the running model, and at its end by the promises."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from evolink_contracts.promises.promise import Judgement
from evolink_contracts.promises.registry import judge
from evolink_contracts.reference.errors import PromiseBroken
from evolink_contracts.reference.oracle import STATUS_RANK
from evolink_contracts.spec.errors import ERRORS
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.stateful.running_model import Contradiction, RunningModel
from evolink_contracts.target.target import MAX_POLLS, Target
from evolink_contracts.trace.events import Attempt, Call, Trace
from evolink_contracts.trace.history import CREATE_PATH, INCONCLUSIVE_FOR_CREATE, TOLERANCE, is_inconclusive

_LONGEST_TASK: Seconds = 3600.0
_PATH = "/history-"
"""The beginning of the path of each callback URL of a history."""


@dataclass(frozen=True)
class Criteria:
    """The promises that a history is checked by, or all of them for `None`, and the tolerance of times."""

    promises: Sequence[str] | None = None
    tolerance: Seconds = TOLERANCE

    def judge(self, trace: Trace) -> Iterable[Judgement]:
        return judge(trace, self.promises, self.tolerance)


ALL_PROMISES = Criteria()


class Session:
    """The state of one history: its tasks, the refusals it asked for, and the running model.

    A failed check raises `PromiseBroken`. Without a control API prices and ends are unknown, time passes by waiting,
    and what only the control API can do is left out.
    """

    def __init__(self, target: Target, criteria: Criteria = ALL_PROMISES) -> None:
        self.target = target
        self.controlled = "control" in target.can
        self.tasks: list[str] = []
        self.refusals: deque[str] = deque()
        """Conditions that the next creates must be refused with, as requested."""
        self._criteria = criteria
        self._before_reset: set[str] = set()
        self._paths: set[str] = set()
        self.creates = 0
        self._resets = 0
        self._broken = False
        target.trace.clear()
        self._begin()

    def _begin(self) -> None:
        self.model = RunningModel(exact=self.controlled, tolerance=self._criteria.tolerance)
        self.read_credits()

    @contextmanager
    def step(self) -> Iterator[None]:
        """One step, and the check of the callbacks that arrived during it."""
        self._broken = True
        yield
        self._drop_other_callbacks()
        self._expect_none(self.model.callbacks_received(self.target.trace))
        self._broken = False

    def finish(self) -> None:
        """Let every task end and query all of them, then check the whole history by the promises.

        Does nothing after a step that broke a promise.
        """
        if self._broken:
            return
        if self.controlled:
            self.target.advance(_LONGEST_TASK)
            for number, task in enumerate(self.tasks):
                if task not in self._before_reset:
                    self.query(number)
            self.read_credits()
        else:
            self._wait_for_ends()
            if self.creates and "callbacks" in self.target.can:
                self.target.wait_for_silence()
            if self.tasks:
                self.read_credits()
        self._drop_other_callbacks()
        self.judge()

    def _wait_for_ends(self) -> None:
        """Poll open tasks until they end, since a later refund would be counted in another history.

        With a pause of 0 no time passes, so there is nothing to wait for.
        """
        for _ in range(MAX_POLLS if self.target.pause else 0):
            going = [number for number, task in enumerate(self.tasks) if task in self.target.open_tasks]
            if not going:
                return
            self.target.advance(self.target.pause)
            for number in going:
                self.query(number)

    def _drop_other_callbacks(self) -> None:
        """Remove late callbacks of other histories from the trace, since their beginning is not in it."""
        self.target.trace[:] = [
            event
            for event in self.target.trace
            if not isinstance(event, Attempt) or _PATH not in event.url or any(own in event.url for own in self._paths)
        ]

    def callback_url(self, answers: Sequence[object] | None) -> str | None:
        """A URL of this history at which our webhook gives these answers; `None` without answers, or if no callback
        arrives there.
        """
        webhook = self.target.webhook
        if answers is None or webhook is None or "callbacks" not in self.target.can:
            return None
        # Unique to this history, since one service may play many.
        path = f"{_PATH}{self.target.wall.nonce()}/"
        self._paths.add(path)
        return f"{webhook.origin}{path}{','.join(map(str, answers))}"

    def read_credits(self) -> None:
        """Query the credits, and check them.

        Without a control API a task of another history may end between two queries, which are not checked then.
        """
        call = self.target.credits()
        if not self.is_inconclusive(call) and (self.controlled or not self.target.open_tasks):
            self._expect_none(self.model.credits_read(call))

    def query(self, number: int) -> None:
        """Query a task, counted from 0 and modulo their number, and check the answer."""
        name = self.task(number)
        gone = name in self._before_reset
        call = self.target.query(name, unknown=True) if gone else self.target.query(name)
        if gone and call.status != 404:
            raise PromiseBroken(f"a task from before the reset got {call.status}")
        if gone or self.is_inconclusive(call):
            return
        if STATUS_RANK.get(call.task_status) == STATUS_RANK["completed"]:
            self.target.open_tasks.discard(name)
        self._expect_none(self.model.task_read(call))

    def task(self, number: int) -> str:
        return self.tasks[number % len(self.tasks)]

    def is_inconclusive(self, call: Call) -> bool:
        """Whether an answer is about the key, the account or the service; never so with a control API."""
        unavailable = call.path == CREATE_PATH and call.status in INCONCLUSIVE_FOR_CREATE
        return not self.controlled and (unavailable or is_inconclusive(call))

    def expect_refusal(self, call: Call, rule: str) -> None:
        """An invalid create must be refused."""
        if call.status not in (400, 403):
            raise PromiseBroken(f"{rule} got {call.status}")

    def was_refused_on_request(self, call: Call) -> bool:
        """Whether a refusal had been requested for a create, which must then be the answer."""
        if not self.refusals:
            return False
        refusal = self.refusals.popleft()
        row = ERRORS["create", refusal]
        said = (call.status, call.error_code)
        if said != (row.status, row.code):
            raise PromiseBroken(f"{refusal} was requested, and the response was {said}")
        return True

    def reset(self) -> None:
        """Check the history so far, and empty the world of the key."""
        self.judge()
        self._resets += 1
        # A new seed, since the old one would give the same ids again.
        self.target.reset(self._resets)
        self.target.trace.clear()
        self._before_reset.update(self.tasks)
        self.refusals.clear()
        self._begin()

    def judge(self) -> None:
        """Check the trace by the promises."""
        broken = [each for each in self._criteria.judge(tuple(self.target.trace)) if each.verdict == "failed"]
        if broken:
            first = broken[0]
            raise PromiseBroken(f"{first.promise.number} {first.promise.statement} {first.shortest.problem}")

    def _expect_none(self, found: Iterable[Contradiction]) -> None:
        for contradiction in found:
            if self._criteria.promises is None or contradiction.promise in self._criteria.promises:
                raise PromiseBroken(contradiction.says)
