"""What a customer does, step by step, as JSON; and who plays it to a service, the reference model judging each step."""

import json
import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, TypeAlias

from evolink_contracts.promises.registry import Judgement, judge
from evolink_contracts.reference.oracle import ORDER, judge_create
from evolink_contracts.runs.probes import CHEAP, LOOKS, id_of, status_of
from evolink_contracts.spec.errors import ERRORS
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.stateful.running_model import Ledger, Wrong
from evolink_contracts.target.budget import Refrained
from evolink_contracts.target.target import Target
from evolink_contracts.trace.events import Attempt, Call, Trace, decoded
from evolink_contracts.trace.history import CREATE_PATH, TOLERANCE, TROUBLES, UNAVAILABLE, in_trouble

Step: TypeAlias = Mapping[str, Any]
"""`{"do": "query", "task": 0}`: an action of `ACTIONS` with its values. Tasks are counted from 0, round and round."""
Steps: TypeAlias = Sequence[Step]


@dataclass(frozen=True)
class Judges:
    """Who judges a trace: by which promises, or all where none are chosen, and how far times may differ."""

    chosen: Sequence[str] | None = None
    tolerance: Seconds = TOLERANCE

    def __call__(self, trace: Trace) -> Iterable[Judgement]:
        return judge(trace, self.chosen, self.tolerance)


ALL = Judges()

ACTIONS: Mapping[str, Mapping[str, tuple[type, ...]]] = {
    "create": {"fields": (dict,), "outcome": (str, NoneType), "answers": (list, NoneType)},
    "create_wrongly": {"title": (str,), "body": (str,)},
    "query": {"task": (int,)},
    "advance": {"seconds": (int, float)},
    "look_at_credits": {},
    "answer_a_callback": {"status": (int,)},
    "inject": {"refusal": (str,)},
    "cancel": {"task": (int,)},
    "reset": {},
}
"""What can be done, with the values that it takes. `outcome` is a scenario, `answers` a receiver's, one by one."""

REFUSALS = tuple(
    condition for (operation, condition), row in ERRORS.items() if operation == "create" and row.status in TROUBLES
)
"""What can be injected: refusals that tell of a key, an account or the service, and nothing of the request."""

_JSON = {"content-type": "application/json"}
_LONG: Seconds = 3600.0
_LONGEST: Seconds = 7 * 24 * 3600.0
_MOST = 10_000
_SILENCES = ("timeout", "reset")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ENDED = 2
_OWN = "/history-"
"""What the path of each callback of a history begins with."""


class Broken(AssertionError):
    """A promise did not hold; says which and how."""


class NoSteps(ValueError):
    """A text that is no history; says where, and what would be right."""


def read_steps(text: str) -> list[Step]:
    """A history as it was saved. Raises `NoSteps`."""
    found = decoded(text)
    steps = found.get("steps") if isinstance(found, dict) else found
    if not isinstance(steps, list) or len(steps) > _MOST:
        raise NoSteps(f'it is no list of at most {_MOST:,} steps, nor an object with such "steps"')
    for number, step in enumerate(steps, 1):
        if (wrong := _wrong(step)) is not None:
            raise NoSteps(f"step {number} {wrong}")
    return steps


def _wrong(step: object) -> str | None:
    if not isinstance(step, dict) or not isinstance(step.get("do"), str) or step["do"] not in ACTIONS:
        return f'has no "do" that is one of {", ".join(ACTIONS)}'
    action = ACTIONS[step["do"]]
    if step.keys() - {"do"} != action.keys():
        return f"must have {', '.join(action) or 'nothing'} beside do"
    for name, kinds in action.items():
        if not isinstance(step[name], kinds) or isinstance(step[name], bool):
            return f"has a {name} that is not {' or '.join(kind.__name__ for kind in kinds)}"
    return _out_of_range(step)


def _out_of_range(step: Step) -> str | None:
    if _SURROGATE.search(json.dumps(step, ensure_ascii=False)):
        return "has half a character, which no request can carry"
    if not (step.get("outcome") or "").isascii():
        return "has an outcome that is no scenario, since those are ASCII"
    if not all(_answers(each) for each in step.get("answers") or ()):
        return f"has an answer that is neither a status from 200 to 599 nor {' nor '.join(_SILENCES)}"
    if step["do"] == "answer_a_callback" and not _answers(step["status"]):
        return "must answer with a status from 200 to 599"
    if step["do"] == "advance" and not 0 <= step["seconds"] <= _LONGEST:
        return f"must advance by 0 to {_LONGEST:g} seconds"
    if step["do"] == "inject" and step["refusal"] not in REFUSALS:
        return f"has a refusal that is not one of {', '.join(REFUSALS)}"
    return None


def _answers(word: object) -> bool:
    return word in _SILENCES or (type(word) is int and 200 <= word <= 599)


class Player:
    """Plays steps to a service, and judges what it sees after each. Raises `Broken`.

    Where there is no control API, time passes by waiting, at most `target.pause` a step; what only the control API can
    do is left out, and so is what nobody can know: what a task costs and how it ends; the cheapest is asked for.
    """

    def __init__(self, target: Target, judges: Judges = ALL) -> None:
        self._target = target
        self._judges = judges
        self._steered = "control" in target.can
        self.tasks: list[str] = []
        self._gone: set[str] = set()
        self._urls: set[str] = set()
        self._refusals: deque[str] = deque()
        self._creates = self._resets = 0
        self._over = False
        target.trace.clear()
        self._begin()

    def _begin(self) -> None:
        self._ledger = Ledger(exact=self._steered, tolerance=self._judges.tolerance)
        self._look_at_credits()

    def play(self, step: Step) -> None:
        """One step, and what is to be seen after it."""
        values = {name: value for name, value in step.items() if name != "do"}
        self._over = True
        getattr(self, f"_{step['do']}")(**values)
        self._forget_others()
        self._expect_none(self._ledger.heard(self._target.trace))
        self._over = False

    def finish(self) -> None:
        """Let everything end, and look at all of it; then every promise is judged by all that happened.

        After a step that broke something there is nothing to finish.
        """
        if self._over:
            return
        if self._steered:
            self._target.advance(_LONG)
            for number, task in enumerate(self.tasks):
                if task not in self._gone:
                    self._query(number)
            self._look_at_credits()
        else:
            self._wait_for_ends()
            if self._creates and "callbacks" in self._target.can:
                self._target.quiet()
            if self.tasks:
                self._look_at_credits()
        self._forget_others()
        self._judge()

    def _wait_for_ends(self) -> None:
        """Look at what has not ended until it has, since its refund would be taken for another history's.

        A pause of 0 lets no time pass, and there is nothing to wait for then.
        """
        for _ in range(LOOKS if self._target.pause else 0):
            going = [number for number, task in enumerate(self.tasks) if task in self._target.unfinished]
            if not going:
                return
            self._target.advance(self._target.pause)
            for number in going:
                self._query(number)

    def _forget_others(self) -> None:
        """Leave out late callbacks of other histories, of which nobody here saw the beginning."""
        self._target.trace[:] = [
            event
            for event in self._target.trace
            if not isinstance(event, Attempt) or _OWN not in event.url or any(own in event.url for own in self._urls)
        ]

    # Actions

    def _create(self, fields: Mapping[str, Any], outcome: str | None, answers: list[Any] | None) -> None:
        body, hook, headers = dict(fields), self._target.hook, dict(_JSON)
        if not self._steered:
            body |= CHEAP
        listens = answers is not None and hook is not None and "callbacks" in self._target.can
        self._creates += 1
        if listens and hook is not None:
            script = ",".join(map(str, answers or ()))
            # A number of its own for each history, since one service may see many.
            own = f"{_OWN}{self._target.wall.nonce()}/"
            self._urls.add(own)
            body["callback_url"] = f"{hook.origin}{own}{script}"
        if self._steered and outcome is not None and not self._refusals:
            headers["x-mock-scenario"] = outcome
        try:
            call = self._target.create(body, headers=headers, notes={"listens": listens})
        except Refrained:
            return
        if self._refused(call) or self._troubled(call):
            return
        judged = judge_create(call.sent, _JSON)
        if judged.faults:
            self._refuses(call, f"{judged.faults[0].field}: {judged.faults[0].rule}")
            return
        if call.status != 200:
            raise Broken(f"a request without a fault got {call.status}: {call.answer[:200]}")
        self.tasks.append(id_of(call))
        self._target.unfinished.add(id_of(call))
        self._ledger.created(call, judged, headers.get("x-mock-scenario"))

    def _create_wrongly(self, title: str, body: str) -> None:
        try:
            call = self._target.call("POST", CREATE_PATH, content=body.encode(), headers=_JSON)
        except Refrained:
            return
        if not self._refused(call) and not self._troubled(call):
            self._refuses(call, title)

    def _refuses(self, call: Call, title: str) -> None:
        if call.status not in (400, 403):
            raise Broken(f"{title} got {call.status}")

    def _refused(self, call: Call) -> bool:
        """Whether a refusal had been asked for, as there must be one then."""
        if not self._refusals:
            return False
        refusal = self._refusals.popleft()
        row = ERRORS["create", refusal]
        error = call.json.get("error") if isinstance(call.json, dict) else None
        said = (call.status, error.get("code") if isinstance(error, dict) else None)
        if said != (row.status, row.code):
            raise Broken(f"{refusal} was asked for, and the answer was {said}")
        return True

    def _troubled(self, call: Call) -> bool:
        """Whether an answer tells of the key, the account or the service; an emulator of one's own has no such."""
        unavailable = call.path == CREATE_PATH and call.status in UNAVAILABLE
        return not self._steered and (unavailable or in_trouble(call))

    def _query(self, task: int) -> None:
        if not self.tasks:
            return
        name = self.tasks[task % len(self.tasks)]
        gone = name in self._gone
        call = self._target.query(name, unknown=True) if gone else self._target.query(name)
        if gone and call.status != 404:
            raise Broken(f"a task of before the reset got {call.status}")
        if gone or self._troubled(call):
            return
        if ORDER.get(status_of(call)) == _ENDED:
            self._target.unfinished.discard(name)
        self._expect_none(self._ledger.read(call))

    def _advance(self, seconds: Seconds) -> None:
        self._target.advance(seconds if self._steered else min(seconds, self._target.pause))

    def _look_at_credits(self) -> None:
        call = self._target.credits()
        # Without a control API the end of a task may come between two looks, and be another history's.
        if not self._troubled(call) and (self._steered or not self._target.unfinished):
            self._expect_none(self._ledger.looked(call))

    def _answer_a_callback(self, status: int) -> None:
        if self._target.hook is not None:
            self._target.hook.answer(status)

    def _inject(self, refusal: str) -> None:
        if self._steered:
            self._target.control("scenarios", {"scenario": f"create={refusal}", "times": 1})
            self._refusals.append(refusal)

    def _cancel(self, task: int) -> None:
        if self.tasks:
            name = self.tasks[task % len(self.tasks)]
            if self._target.try_control(f"tasks/{name}/cancel"):
                self._ledger.cancelled(name)

    def _reset(self) -> None:
        if not self._steered:
            return
        self._judge()
        self._resets += 1
        # Another seed, since the same one would give the same ids again.
        self._target.reset(self._resets)
        self._target.trace.clear()
        self._gone.update(self.tasks)
        self._refusals.clear()
        self._begin()

    def _judge(self) -> None:
        broken = [each for each in self._judges(tuple(self._target.trace)) if each.verdict == "broken"]
        if broken:
            first = broken[0]
            raise Broken(f"{first.invariant.number} {first.invariant.statement} {first.shortest.broken}")

    def _expect_none(self, wrongs: Iterable[Wrong]) -> None:
        for wrong in wrongs:
            if self._judges.chosen is None or wrong.promise in self._judges.chosen:
                raise Broken(wrong.says)


def play(target: Target, steps: Steps, judges: Judges = ALL) -> None:
    """A whole history, from a service as it was when it was reset, where it can be. Raises `Broken`."""
    if "control" in target.can:
        target.reset(0)
    if target.hook is not None:
        target.hook.forget()
    player = Player(target, judges)
    for step in steps:
        player.play(step)
    player.finish()


def told(steps: Steps) -> list[str]:
    """A history as people read it, a line for each step."""
    lines = []
    for step in steps:
        values = [
            f"{name} {json.dumps(step[name], ensure_ascii=False)}"
            for name in ACTIONS[step["do"]]
            if step[name] is not None and name != "body"
        ]
        lines.append(f"{step['do'].replace('_', ' ')}: {', '.join(values)}".removesuffix(": "))
    return lines
