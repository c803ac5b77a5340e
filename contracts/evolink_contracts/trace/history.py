"""Index of a trace: its creates, tasks with their reads and callbacks, refusals and credits."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from evolink_contracts.reference.oracle import Assessment, assess_create
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.trace.events import Attempt, Call, Trace

CREATE_PATH = "/v1/videos/generations"
TASK_PATH = "/v1/tasks/"
CREDITS_PATH = "/v1/credits"
TOLERANCE: Seconds = 0.25
"""The permitted deviation of a gap on a running clock; on a manual clock gaps are exact."""
INCONCLUSIVE = frozenset({401, 402, 408, 429, *range(500, 1000)} - {501})
"""Statuses that say something about the key, the account or the network, and nothing about the request. 501 does."""
INCONCLUSIVE_FOR_CREATE = INCONCLUSIVE | {403, 409}
"""The same for a create, whose model may not be granted, and whose Idempotency-Key may be in use."""
_ABOUT_A_KEY = {401, 402}


def is_inconclusive(call: Call) -> bool:
    """Whether an answer says nothing about the contract, since the key, the account or the service had trouble."""
    wanted = call.status == 402 and "remaining" in call.notes
    return call.access == "granted" and call.status in INCONCLUSIVE and not wanted


def from_intermediary(call: Call) -> bool:
    """Whether an intermediary such as a proxy answered: an inconclusive status, without an error object of the API."""
    return call.error is None and (is_inconclusive(call) or call.status in INCONCLUSIVE - _ABOUT_A_KEY)


def user_balance(call: Call) -> dict[str, Any]:
    """The balance of the key's user in an answer to `GET /v1/credits`; empty if there is none."""
    data = call.answer_object.get("data")
    user = data.get("user") if isinstance(data, dict) else None
    return user if isinstance(user, dict) else {}


class Create(NamedTuple):
    """A create call with the oracle's assessment of its request."""

    call: Call
    assessment: Assessment

    @property
    def accepted(self) -> bool:
        return 200 <= self.call.status < 300

    @property
    def body(self) -> dict[str, Any]:
        """The request if it is a JSON object, else an empty one."""
        return self.call.sent_json if isinstance(self.call.sent_json, dict) else {}

    @property
    def answer(self) -> dict[str, Any]:
        return self.call.answer_object

    @property
    def task(self) -> str:
        return self.call.task_id

    @property
    def usage(self) -> dict[str, Any]:
        """The billing part of the answer; empty if there is none."""
        said = self.answer.get("usage")
        return said if isinstance(said, dict) else {}

    @property
    def replayed(self) -> bool:
        """Whether it found an earlier task; without recorded headers, whether it can have found one."""
        if self.call.headers is None:
            return "idempotency-key" in (self.call.sent_headers or {})
        return self.call.headers.get("idempotency-replayed", "").lower() == "true"


class Read(NamedTuple):
    """A query that was answered with a task."""

    call: Call
    body: dict[str, Any]

    @property
    def status(self) -> str:
        return str(self.body.get("status"))


class TaskRecord(NamedTuple):
    """All events of one task."""

    id: str
    create: Create | None
    reads: Sequence[Read]
    attempts: Sequence[Attempt]

    @property
    def chains(self) -> list[list[Attempt]]:
        """The attempts, divided after each one that succeeded."""
        chains: list[list[Attempt]] = []
        for attempt in self.attempts:
            done = chains and (chains[-1][-1].outcome in EVOLINK_CALLBACKS.success)
            if not chains or done:
                chains.append([])
            chains[-1].append(attempt)
        return chains


class History:
    """A trace, indexed. Times may deviate by `tolerance`."""

    def __init__(self, trace: Trace, tolerance: Seconds = TOLERANCE) -> None:
        self.trace = trace
        self.tolerance = tolerance

    @cached_property
    def calls(self) -> list[Call]:
        return [event for event in self.trace if isinstance(event, Call)]

    @cached_property
    def attempts(self) -> list[Attempt]:
        return [event for event in self.trace if isinstance(event, Attempt)]

    @cached_property
    def creates(self) -> list[Create]:
        """Every create call with a valid key."""
        return [
            Create(call, assess_create(call.sent, call.sent_headers or {}))
            for call in self.calls
            if call.method == "POST" and call.path == CREATE_PATH and call.access == "granted"
        ]

    @cached_property
    def accepted(self) -> list[Create]:
        """Creates that made a task or found one."""
        return [create for create in self.creates if create.accepted]

    @cached_property
    def owners(self) -> dict[str, Create]:
        """Each task that was created in the trace, with the last create that was answered with it."""
        return {create.task: create for create in self.accepted if create.task}

    @cached_property
    def queries(self) -> list[Call]:
        return [call for call in self.calls if call.method == "GET" and call.path.startswith(TASK_PATH)]

    @cached_property
    def credits(self) -> list[Call]:
        return [call for call in self.calls if call.method == "GET" and call.path == CREDITS_PATH]

    @cached_property
    def refusals(self) -> list[Call]:
        """Calls of the API that were refused, without those of result links."""
        return [call for call in self.calls if call.status >= 400 and call.path.startswith("/v1/")]

    @cached_property
    def tasks(self) -> list[TaskRecord]:
        """Each task that was created, queried or announced by a callback."""
        creates = {create.task: create for create in reversed(self.accepted) if create.task}
        reads: dict[str, list[Read]] = defaultdict(list)
        for call in self.queries:
            if call.status == 200 and isinstance(call.json, dict):
                reads[call.path.removeprefix(TASK_PATH)].append(Read(call, call.json))
        attempts: dict[str, list[Attempt]] = defaultdict(list)
        for attempt in self.attempts:
            if isinstance(attempt.json, dict):
                attempts[str(attempt.json.get("id"))].append(attempt)
        ids = dict.fromkeys([*creates, *reads, *attempts])
        return [TaskRecord(name, creates.get(name), reads[name], attempts[name]) for name in ids]

    @cached_property
    def _last(self) -> dict[str, Seconds]:
        return {call.who: call.at for call in self.calls}

    def observed_until(self, task: TaskRecord) -> Seconds:
        """When the owner of a task made its last call; the end of the trace if the owner is unknown."""
        if task.create is None:
            return self.trace[-1].at if self.trace else 0.0
        return self._last[task.create.call.who]

    def task(self, name: str) -> TaskRecord | None:
        return next((task for task in self.tasks if task.id == name), None)

    def before(self, call: Call) -> Iterator[Call]:
        """The calls of the same key before one, latest first."""
        for earlier in reversed(self.calls[: self.calls.index(call)]):
            if earlier.who == call.who:
                yield earlier
