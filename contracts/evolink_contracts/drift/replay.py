"""Replay of a recording against an emulator, whose answers are compared with the recorded ones."""

import json
import re
from collections import defaultdict
from itertools import chain
from typing import Any
from urllib.parse import unquote

from evolink_contracts.drift.comparison import compare, compare_attempts, compare_heads, operation_of
from evolink_contracts.drift.findings import DriftResult, Findings
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS as POLICY
from evolink_contracts.spec.wire import TERMINAL, Seconds
from evolink_contracts.target.control import CONTROL_PATH
from evolink_contracts.target.target import Target
from evolink_contracts.trace.events import Attempt, Call, Event, Trace
from evolink_contracts.trace.history import (
    CREATE_PATH,
    TASK_PATH,
    TOLERANCE,
    History,
    TaskRecord,
    from_intermediary,
    is_inconclusive,
)

_AFTER: Seconds = 60.0
"""Time after the last event of a recording, in which callbacks come to their end."""
_HELD_BACK = "stuck=99"
"""The scenario of each task, so that nothing but the recording decides when it ends."""
_CONTROL_HEADERS = re.compile("x-mock-|authorization$", re.IGNORECASE)
"""Headers that control the emulator or name a key, which a recording must not do."""
_PLAIN_PATH = re.compile("/([^/].*)?")


def drift(target: Target, recording: Trace, tolerance: Seconds = TOLERANCE) -> DriftResult:
    """Replay a recording to an emulator with a control API, each key on its own clock, at the recorded times.

    Each task ends as and when the recorded one did, and its callbacks get the recorded answers. Raises
    `ServiceUnusable` if the emulator gives no answer at all.
    """
    return _Replay(target, recording, tolerance).run()


class _Replay:
    """The state of one replay, which maps recorded ids and links to those of the emulator."""

    def __init__(self, target: Target, recording: Trace, tolerance: Seconds) -> None:
        self._target = target
        self._history = History(recording, tolerance)
        self._tasks = {task.id: task for task in self._history.tasks}
        self._findings = Findings()
        self._ids: dict[str, str] = {}
        self._links: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._starts: dict[str, tuple[Seconds, Seconds]] = {}
        self._ends: dict[str, list[tuple[Seconds, TaskRecord]]] = defaultdict(list)
        self._with_callback: list[TaskRecord] = []

    def run(self) -> DriftResult:
        for call in self._history.calls:
            reason = self._reason_to_skip(call)
            if reason is None:
                self._replay(call)
            else:
                self._findings.skip(reason)
        for who in list(self._starts):
            self._end_tasks(who, float("inf"))
            self._target.advance(_AFTER, who=who)
        for task in self._with_callback:
            self._compare_callback(task)
        return self._findings.result()

    def _who(self, call: Call) -> str:
        """A name for the owner of a key that any header can carry."""
        return self._names.setdefault(call.who, f"key-{len(self._names)}")

    def _reason_to_skip(self, call: Call) -> str | None:
        """Why a call cannot be replayed or says nothing; `None` if it can be compared."""
        if is_inconclusive(call) or from_intermediary(call) or "remaining" in call.notes:
            return "responses about a key, an account or the service"
        if "://" in call.path and call.path not in self._links:
            return "links that no query showed"
        sent = call.sent_headers or {}
        words = (call.method, call.path, *sent, *sent.values())
        if not all(word.isascii() and word.isprintable() for word in words) or not _is_of_the_api(call.path):
            return "calls that cannot be sent by HTTP, or are calls of the control API"
        name = call.path.removeprefix(TASK_PATH)
        if call.path.startswith(TASK_PATH) and name in self._tasks and name not in self._ids:
            return "queries of a task whose create is not recorded, or was refused by the emulator"
        return None

    def _replay(self, call: Call) -> None:
        self._move_to(call)
        emulated = self._send(call)
        differences = [*compare_heads(call, emulated)] or compare(call.json, emulated.json)
        self._findings.add(operation_of(call), call, differences)
        self._links.update(zip(_links(call.answer_object), _links(emulated.answer_object), strict=False))

    def _send(self, call: Call) -> Call:
        headers = {name: value for name, value in (call.sent_headers or {}).items() if not _CONTROL_HEADERS.match(name)}
        path = self._links.get(call.path, call.path)
        if call.path.startswith(TASK_PATH):
            path = TASK_PATH + self._ids.get(call.path.removeprefix(TASK_PATH), call.path.removeprefix(TASK_PATH))
        content = None if call.sent is None else _bytes(call.sent)
        task = self._created_by(call)
        if task is not None:
            headers["x-mock-scenario"] = _HELD_BACK
            content = self._with_receiver(call, task)
        who = self._who(call)
        emulated = self._target.call(call.method, path, who=who, access=call.access, content=content, headers=headers)
        if task is not None and emulated.status == 200 and isinstance(emulated.json, dict):
            self._ids[task.id] = str(emulated.json.get("id"))
            self._plan_end(who, task)
        return emulated

    def _created_by(self, call: Call) -> TaskRecord | None:
        """The task that a call created, unless an earlier one did."""
        if call.method != "POST" or call.path != CREATE_PATH or not isinstance(call.json, dict):
            return None
        task = self._tasks.get(str(call.json.get("id")))
        if task is None or task.create is None or task.id in self._ids:
            return None
        return task if 200 <= call.status < 300 else None

    def _with_receiver(self, call: Call, task: TaskRecord) -> bytes:
        """The body of a create with the URL of the emulator's own receiver, which gives the recorded answers."""
        body = call.sent_json
        if not isinstance(body, dict) or not isinstance(body.get("callback_url"), str):
            return _bytes(call.sent or "")
        script = ",".join(str(attempt.outcome) for attempt in task.attempts) or "200"
        return json.dumps({**body, "callback_url": f"https://sink.mock/{script}"}).encode()

    def _plan_end(self, who: str, task: TaskRecord) -> None:
        ended = [read for read in task.reads if read.status in TERMINAL]
        first: list[Event] = [*task.attempts[:1], *(read.call for read in ended[:1])]
        if first:
            self._ends[who].append((min(event.at for event in first), task))
            self._ends[who].sort(key=lambda end: end[0])
        if task.attempts or (task.create is not None and task.create.call.notes.get("listens")):
            self._with_callback.append(task)

    def _move_to(self, call: Call) -> None:
        """Let as much time pass as in the recording, in which tasks may end."""
        who = self._who(call)
        if who not in self._starts:
            self._starts[who] = (call.at, self._target.now(who))
        self._end_tasks(who, call.at)
        self._advance_to(who, call.at)

    def _advance_to(self, who: str, at: Seconds) -> None:
        recorded, emulated = self._starts[who]
        missing = emulated + at - recorded - self._target.now(who)
        if missing > 0:
            self._target.advance(missing, who=who)

    def _end_tasks(self, who: str, until: Seconds) -> None:
        while self._ends[who] and self._ends[who][0][0] <= until:
            at, task = self._ends[who].pop(0)
            self._advance_to(who, at)
            # Refused if two recorded tasks are one to the emulator, which honours the Idempotency-Key.
            self._target.try_control(f"tasks/{self._ids[task.id]}/outcome", _recorded_end(task), who=who)

    def _compare_callback(self, task: TaskRecord) -> None:
        """Compare the attempts with those in the emulator's own record."""
        assert task.create is not None
        seen = len(self._target.trace)
        self._target.add_recorded_attempts(self._ids[task.id], who=self._who(task.create.call))
        emulated = [event for event in self._target.trace[seen:] if isinstance(event, Attempt)]
        recorded, until = task.attempts, self._history.observed_until(task)
        complete = not recorded or until >= recorded[-1].at + recorded[-1].took + 2 * POLICY.timeout
        differences = compare_attempts(recorded, emulated, complete=complete, tolerance=self._history.tolerance)
        self._findings.add("callback", recorded[0] if recorded else task.create.call, differences)


def _is_of_the_api(path: str) -> bool:
    """Whether a path is plain or a whole URL, and no spelling of the control API."""
    controls = unquote(path).startswith(CONTROL_PATH.rstrip("/"))
    return "://" in path or (_PLAIN_PATH.fullmatch(path) is not None and not controls)


def _bytes(text: str) -> bytes:
    # A recording may contain half a character, which no body can.
    return text.encode("utf-8", "replace")


def _recorded_end(task: TaskRecord) -> dict[str, Any]:
    """The end of a recorded task, as the control API takes it."""
    ends = chain((read.body for read in task.reads if read.status in TERMINAL), (a.json for a in task.attempts))
    body = next(ends)
    body = body if isinstance(body, dict) else {}
    if body.get("status") == "completed":
        return {"status": "completed"}
    found = body.get("error")
    error = found if isinstance(found, dict) else {}
    code = str(error.get("code") or "request_cancelled")[:100]
    return {"status": "failed", "code": code, "message": str(error.get("message", ""))[:2000] or code}


def _links(body: dict[str, Any]) -> list[str]:
    found = body.get("results")
    return [link for link in found if isinstance(link, str)] if isinstance(found, list) else []
