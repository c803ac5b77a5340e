"""A trace by what it tells of: creates, tasks with their reads and callbacks, credits."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from evolink_contracts.reference.oracle import Judged, judge_create
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.trace.events import Attempt, Call, Trace

CREATE_PATH = "/v1/videos/generations"
TASK_PATH = "/v1/tasks/"
CREDITS_PATH = "/v1/credits"
TOLERANCE: Seconds = 0.25
"""By how much a gap may differ on a clock that runs; on one that is moved by hand there is no need for any."""
TROUBLES = frozenset({401, 402, 408, 429, *range(500, 1000)} - {501})
"""Answers to a good key that tell of the key, the account or the network, and nothing of the request; 501 does."""
UNAVAILABLE = TROUBLES | {403, 409}
"""The same of a create, which may want a model that the key has not, or an Idempotency-Key that is taken."""
_OF_A_KEY = {401, 402}


def in_trouble(call: Call) -> bool:
    """Whether a call says nothing about the contract: its key was refused, or the service was."""
    wanted = call.status == 402 and "remaining" in call.notes
    return call.access == "granted" and call.status in TROUBLES and not wanted


def by_another(call: Call) -> bool:
    """Whether something on the way answered, such as a proxy: with trouble, and not in the words of the API."""
    error = call.json.get("error") if isinstance(call.json, dict) else None
    return not isinstance(error, dict) and (in_trouble(call) or call.status in TROUBLES - _OF_A_KEY)


def balance_of(look: Call) -> dict[str, Any]:
    """What a look at the credits tells of the user of a key; nothing where it tells nothing."""
    data = look.json.get("data") if isinstance(look.json, dict) else None
    user = data.get("user") if isinstance(data, dict) else None
    return user if isinstance(user, dict) else {}


class Create(NamedTuple):
    """A create call with what the facts say of its request."""

    call: Call
    judged: Judged

    @property
    def accepted(self) -> bool:
        return 200 <= self.call.status < 300

    @property
    def body(self) -> dict[str, Any]:
        """What was asked for."""
        return self.call.sent_json if isinstance(self.call.sent_json, dict) else {}

    @property
    def answer(self) -> dict[str, Any]:
        return self.call.json if isinstance(self.call.json, dict) else {}

    @property
    def task(self) -> str:
        return str(self.answer.get("id") or "")

    @property
    def usage(self) -> dict[str, Any]:
        """How it says that it is billed."""
        said = self.answer.get("usage")
        return said if isinstance(said, dict) else {}

    @property
    def replayed(self) -> bool:
        return self.call.headers.get("idempotency-replayed", "").lower() == "true"


class Read(NamedTuple):
    """A query that was answered with a task."""

    call: Call
    body: dict[str, Any]

    @property
    def status(self) -> str:
        return str(self.body.get("status"))


class Story(NamedTuple):
    """All that is known of one task."""

    id: str
    create: Create | None
    reads: Sequence[Read]
    attempts: Sequence[Attempt]

    @property
    def chains(self) -> list[list[Attempt]]:
        """The attempts, a new chain after each that succeeded, and after the last that there may be."""
        chains: list[list[Attempt]] = []
        for attempt in self.attempts:
            done = chains and (chains[-1][-1].outcome in EVOLINK_CALLBACKS.success)
            if not chains or done:
                chains.append([])
            chains[-1].append(attempt)
        return chains


class History:
    """What a trace tells, looked up. Times may differ by `tolerance` from what belongs."""

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
        """Every create call whose key was good."""
        return [
            Create(call, judge_create(call.sent, call.sent_headers))
            for call in self.calls
            if call.method == "POST" and call.path == CREATE_PATH and call.access == "granted"
        ]

    @cached_property
    def accepted(self) -> list[Create]:
        """Creates that made a task or found one."""
        return [create for create in self.creates if create.accepted]

    @cached_property
    def owners(self) -> dict[str, Create]:
        """Each task that was made here, with the create that was answered with it last."""
        return {create.task: create for create in self.accepted if create.task}

    @cached_property
    def queries(self) -> list[Call]:
        return [call for call in self.calls if call.method == "GET" and call.path.startswith(TASK_PATH)]

    @cached_property
    def credits(self) -> list[Call]:
        return [call for call in self.calls if call.method == "GET" and call.path == CREDITS_PATH]

    @cached_property
    def refusals(self) -> list[Call]:
        """Calls of the API that were refused; a result link's are another matter."""
        return [call for call in self.calls if call.status >= 400 and call.path.startswith("/v1/")]

    @cached_property
    def stories(self) -> list[Story]:
        """Each task that a create made, or that was seen otherwise."""
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
        return [Story(name, creates.get(name), reads[name], attempts[name]) for name in ids]

    @cached_property
    def _last(self) -> dict[str, Seconds]:
        return {call.who: call.at for call in self.calls}

    def seen_until(self, story: Story) -> Seconds:
        """When somebody looked last who has the key of a task, or anybody where nobody knows whose it is."""
        if story.create is None:
            return self.trace[-1].at if self.trace else 0.0
        return self._last[story.create.call.who]

    def story(self, task: str) -> Story | None:
        return next((story for story in self.stories if story.id == task), None)

    def before(self, call: Call) -> Iterator[Call]:
        """The calls of the same key before one, the latest first."""
        for earlier in reversed(self.calls[: self.calls.index(call)]):
            if earlier.who == call.who:
                yield earlier
