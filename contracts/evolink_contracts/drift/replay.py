"""Has the real service gone another way? A recording is played to an emulator, and its answers are compared."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

from evolink_contracts.drift.comparison import Difference, compare
from evolink_contracts.promises.registry import Severity
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS as POLICY
from evolink_contracts.spec.wire import TERMINAL, Seconds
from evolink_contracts.target.target import CONTROL, Target
from evolink_contracts.trace.events import Attempt, Call, Event, Trace
from evolink_contracts.trace.history import (
    CREATE_PATH,
    CREDITS_PATH,
    TASK_PATH,
    TOLERANCE,
    History,
    Story,
    by_another,
    in_trouble,
)

_AFTER: Seconds = 60.0
"""After the last event of a recording, so that callbacks come to their end."""
ORDER: tuple[Severity, ...] = ("critical", "warning", "information")

_HEADERS: Mapping[str, Severity] = {
    "content-type": "critical",
    "idempotency-replayed": "critical",
    "x-request-id": "warning",
}
_OWN = ("x-request-id",)
"""Headers whose value is another one in each answer."""

_STEERS = re.compile("x-mock-|authorization$", re.IGNORECASE)
"""Headers that are for the emulator, or say whose key it is; a recording has no say in that."""
_ORDINARY = re.compile("/([^/].*)?")


@dataclass(frozen=True)
class Drift:
    """The same difference wherever it was found: how often, and the first event that shows it."""

    difference: Difference
    operation: str
    event: Event
    times: int


@dataclass(frozen=True)
class Drifted:
    """What came of a recording: what was compared, what differs, the worst first, and what could not be played."""

    compared: int
    drifts: Sequence[Drift]
    skipped: dict[str, int]

    @property
    def critical(self) -> bool:
        return any(drift.difference.severity == "critical" for drift in self.drifts)


@dataclass
class _Found:
    """Differences as they come in."""

    compared: int = 0
    by_place: dict[tuple[str, str, str], list[tuple[Difference, Event]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    skipped: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, operation: str, event: Event, differences: Iterator[Difference]) -> None:
        self.compared += 1
        for difference in differences:
            self.by_place[difference.severity, difference.where, operation].append((difference, event))

    def all(self) -> Drifted:
        drifts = [
            Drift(differences[0][0], operation, differences[0][1], len(differences))
            for (_, _, operation), differences in self.by_place.items()
        ]
        drifts.sort(key=lambda drift: ORDER.index(drift.difference.severity))
        return Drifted(self.compared, drifts, dict(self.skipped))


def drift(target: Target, recording: Trace, tolerance: Seconds = TOLERANCE) -> Drifted:
    """Play a recording to an emulator that has a control API, each key on its own clock, at the times of the recording.

    Each task is let end as the recorded one did, and when it did; callbacks get the answers that they got. Raises
    `Unusable` where the emulator gives no answer at all.
    """
    return _Replay(target, recording, tolerance).play()


class _Replay:
    """One recording on its way through an emulator. Ids and links of the one stand for those of the other."""

    def __init__(self, target: Target, recording: Trace, tolerance: Seconds) -> None:
        self._target = target
        self._told = History(recording, tolerance)
        self._stories = {story.id: story for story in self._told.stories}
        self._found = _Found()
        self._ours: dict[str, str] = {}
        self._links: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._starts: dict[str, tuple[Seconds, Seconds]] = {}
        self._ends: dict[str, list[tuple[Seconds, Story]]] = defaultdict(list)
        self._waited_for: list[Story] = []

    def play(self) -> Drifted:
        for call in self._told.calls:
            reason = self._unplayable(call)
            if reason is None:
                self._play(call)
            else:
                self._found.skipped[reason] += 1
        for who in list(self._starts):
            self._let_end(who, float("inf"))
            self._target.advance(_AFTER, who=who)
        for story in self._waited_for:
            self._compare_attempts(story)
        return self._found.all()

    def _who(self, call: Call) -> str:
        """A name for whose key it was that any header can carry."""
        return self._names.setdefault(call.who, f"key-{len(self._names)}")

    def _unplayable(self, call: Call) -> str | None:
        """Why a call says nothing, if it does."""
        if in_trouble(call) or by_another(call) or "remaining" in call.notes:
            return "answers that tell of a key, an account or the service"
        if "://" in call.path and call.path not in self._links:
            return "links that no query showed"
        words = (call.method, call.path, *call.sent_headers, *call.sent_headers.values())
        if not all(word.isascii() and word.isprintable() for word in words) or not _is_of_the_api(call.path):
            return "calls that HTTP does not carry, or that are the emulator's own"
        name = call.path.removeprefix(TASK_PATH)
        if call.path.startswith(TASK_PATH) and name in self._stories and name not in self._ours:
            return "queries of a task whose creation is not there, or was refused by the emulator"
        return None

    def _play(self, call: Call) -> None:
        self._move(call)
        ours = self._send(call)
        differences = [*_heads(call, ours)] or [*compare(call.json, ours.json)]
        self._found.add(_operation(call), call, iter(differences))
        if isinstance(call.json, dict) and isinstance(ours.json, dict):
            self._links.update(zip(_links(call.json), _links(ours.json), strict=False))

    def _send(self, call: Call) -> Call:
        headers = {name: value for name, value in call.sent_headers.items() if not _STEERS.match(name)}
        path = self._links.get(call.path, call.path)
        if call.path.startswith(TASK_PATH):
            path = TASK_PATH + self._ours.get(call.path.removeprefix(TASK_PATH), call.path.removeprefix(TASK_PATH))
        content = None if call.sent is None else _bytes(call.sent)
        story = self._story_of(call)
        if story is not None:
            # Held back until it is let end, so that nothing but the recording says when.
            headers["x-mock-scenario"] = "stuck=99"
            content = self._answered(call, story)
        who = self._who(call)
        ours = self._target.call(call.method, path, who=who, access=call.access, content=content, headers=headers)
        if story is not None and ours.status == 200 and isinstance(ours.json, dict):
            self._ours[story.id] = str(ours.json.get("id"))
            self._plan_end(who, story)
        return ours

    def _story_of(self, call: Call) -> Story | None:
        """The task that a call made, the first time that it is told of."""
        if call.method != "POST" or call.path != CREATE_PATH or not isinstance(call.json, dict):
            return None
        story = self._stories.get(str(call.json.get("id")))
        if story is None or story.create is None or story.id in self._ours:
            return None
        return story if 200 <= call.status < 300 else None

    def _answered(self, call: Call, story: Story) -> bytes:
        """The body with a receiver of the emulator's own, which answers as the recorded one did."""
        body = call.sent_json
        if not isinstance(body, dict) or not isinstance(body.get("callback_url"), str):
            return _bytes(call.sent or "")
        script = ",".join(str(attempt.outcome) for attempt in story.attempts) or "200"
        return json.dumps({**body, "callback_url": f"https://sink.mock/{script}"}).encode()

    def _plan_end(self, who: str, story: Story) -> None:
        ended = [read for read in story.reads if read.status in TERMINAL]
        first: list[Event] = [*story.attempts[:1], *(read.call for read in ended[:1])]
        if first:
            self._ends[who].append((min(event.at for event in first), story))
            self._ends[who].sort(key=lambda end: end[0])
        if story.attempts or (story.create is not None and story.create.call.notes.get("listens")):
            self._waited_for.append(story)

    def _move(self, call: Call) -> None:
        """Let as much time pass as did in the recording, and tasks end on the way."""
        who = self._who(call)
        if who not in self._starts:
            self._starts[who] = (call.at, self._target.now(who))
        self._let_end(who, call.at)
        self._advance_to(who, call.at)

    def _advance_to(self, who: str, at: Seconds) -> None:
        theirs, ours = self._starts[who]
        missing = ours + at - theirs - self._target.now(who)
        if missing > 0:
            self._target.advance(missing, who=who)

    def _let_end(self, who: str, until: Seconds) -> None:
        while self._ends[who] and self._ends[who][0][0] <= until:
            at, story = self._ends[who].pop(0)
            self._advance_to(who, at)
            # Refused where two recorded tasks are one to the emulator, which knows the Idempotency-Key.
            self._target.try_control(f"tasks/{self._ours[story.id]}/outcome", _outcome(story), who=who)

    def _compare_attempts(self, story: Story) -> None:
        """How often it was called back and when, and what was said, as the emulator's record has it."""
        assert story.create is not None
        who, ours = self._who(story.create.call), self._ours[story.id]
        heard = len(self._target.trace)
        self._target.recorded_attempts(ours, who=who)
        emulated = [event for event in self._target.trace[heard:] if isinstance(event, Attempt)]
        first: Event = story.attempts[0] if story.attempts else story.create.call
        self._found.add("callback", first, iter([*self._attempts(story, emulated)]))

    def _attempts(self, story: Story, emulated: Sequence[Attempt]) -> Iterator[Difference]:
        recorded = story.attempts
        whole = not recorded or self._told.seen_until(story) >= recorded[-1].at + recorded[-1].took + 2 * POLICY.timeout
        if len(recorded) > len(emulated) or (whole and len(recorded) != len(emulated)):
            yield Difference("critical", "the number of attempts", len(recorded), len(emulated))
        pairs = zip(_gaps(recorded), _gaps(emulated), strict=False)
        for number, (theirs, here) in enumerate(pairs, 1):
            if abs(theirs - here) > self._told.tolerance:
                yield Difference("critical", f"the wait before retry {number}", round(theirs, 2), round(here, 2))
        if recorded and emulated:
            yield from compare(recorded[0].json, emulated[0].json)


def _is_of_the_api(path: str) -> bool:
    """Whether a path is an ordinary one, or a whole link, and does not steer the emulator, however it is spelt."""
    steers = unquote(path).startswith(CONTROL.rstrip("/"))
    return "://" in path or (_ORDINARY.fullmatch(path) is not None and not steers)


def _bytes(sent: str) -> bytes:
    """A body again, where a recording may have halves of a character that no body can."""
    return sent.encode("utf-8", "replace")


def _heads(call: Call, ours: Call) -> Iterator[Difference]:
    """How statuses and headers differ; a recording without headers does not tell."""
    if call.status != ours.status:
        known = _operation(call) in ("create", "query", "credits", "result link")
        yield Difference("critical" if known else "warning", "the HTTP status", call.status, ours.status)
    for name, severity in _HEADERS.items():
        there, here = (each.headers.get(name, "nothing").partition(";")[0].lower() for each in (call, ours))
        if call.headers and there != here and not (name in _OWN and "nothing" not in (there, here)):
            yield Difference(severity, f"the header {name}", there, here)


def _gaps(attempts: Sequence[Attempt]) -> list[Seconds]:
    return [later.at - earlier.at - earlier.took for earlier, later in pairwise(attempts)]


def _outcome(story: Story) -> dict[str, Any]:
    """How a recorded task ended, in the emulator's words."""
    said = [*(read.body for read in story.reads if read.status in TERMINAL), *(a.json for a in story.attempts)]
    body = said[0] if isinstance(said[0], dict) else {}
    if body.get("status") == "completed":
        return {"status": "completed"}
    found = body.get("error")
    error = found if isinstance(found, dict) else {}
    code = str(error.get("code") or "request_cancelled")[:100]
    return {"status": "failed", "code": code, "message": str(error.get("message", ""))[:2000] or code}


def _links(body: dict[str, Any]) -> list[str]:
    found = body.get("results")
    return [link for link in found if isinstance(link, str)] if isinstance(found, list) else []


def _operation(call: Call) -> str:
    if call.path.startswith(TASK_PATH):
        return "query"
    named = {CREATE_PATH: "create", CREDITS_PATH: "credits"}
    return "result link" if "://" in call.path else named.get(call.path, f"{call.method} {call.path}")
