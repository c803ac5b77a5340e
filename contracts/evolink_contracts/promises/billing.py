"""Promises about credits: reserved in advance, settled on the real length, refunded for failures."""

from collections.abc import Iterator
from itertools import pairwise

from evolink_contracts.promises.promise import Finding, expect, promise
from evolink_contracts.reference.numbers import credits_text, finite_number
from evolink_contracts.reference.oracle import cost_of
from evolink_contracts.spec.models import FLASH
from evolink_contracts.spec.wire import TERMINAL
from evolink_contracts.trace.events import Call
from evolink_contracts.trace.history import CREDITS_PATH, Create, History, from_intermediary, user_balance

_EXACT = 1e-6


def _amount(call: Call, name: str) -> float:
    """The credits that the user of a key has used or has left; 0 if that is no number, which another promise checks."""
    return finite_number(user_balance(call).get(f"{name}_credits")) or 0.0


def _reserved(create: Create) -> float:
    return finite_number(create.usage.get("credits_reserved")) or 0.0


@promise("VC-080", "reserved", "The reserved credits follow from quality, audio and duration.", "S11", "recorded")
def reserved(history: History) -> Iterator[Finding]:
    for create in history.accepted:
        if create.assessment.cost is not None and create.call.notes.get("priced"):
            amount, expected = _reserved(create), create.assessment.cost
            says = f"{credits_text(amount)} credits are reserved; {credits_text(expected)} were expected"
            yield expect(abs(amount - expected) < _EXACT, says, create.call)


@promise(
    "VC-081",
    "prices",
    "1080p costs more than 720p, and a video with audio more than one without, unless both cost the minimum.",
    "S1a",
)
def prices(history: History) -> Iterator[Finding]:
    by_kind: dict[tuple[int, str, bool], Create] = {}
    for create in history.accepted:
        priced = create.assessment.cost is not None and "credits_reserved" in create.usage
        if priced and create.body.get("model") == FLASH.name:
            sound = create.body.get("generate_audio") is not False
            by_kind[create.body.get("duration") or 5, create.body.get("quality") or "720p", sound] = create
    for (duration, quality, sound), create in by_kind.items():
        for other in ((duration, "1080p", sound), (duration, quality, True)):
            dearer = by_kind.get(other)
            if dearer is not None and other != (duration, quality, sound):
                yield expect(*_costs_more(dearer, create), create.call, dearer.call)


def _costs_more(dearer: Create, create: Create) -> tuple[bool, str]:
    """Whether a create reserves more than a cheaper one, or as much where one minimum applies to both."""
    more, less = _reserved(dearer), _reserved(create)
    if (dearer.assessment.cost or 0.0) > (create.assessment.cost or 0.0):
        return more > less, f"{credits_text(more)} is not more than {credits_text(less)}"
    return more >= less, f"{credits_text(more)} is less than {credits_text(less)}"


@promise("VC-082", "credits fields", "A credits query returns every documented field, each a number.", "S1d")
def credits_fields(history: History) -> Iterator[Finding]:
    for call in history.credits:
        if call.status != 200:
            continue
        data = call.answer_object.get("data")
        data = data if isinstance(data, dict) else {}
        wrong = [
            f"{owner}.{name}"
            for owner in ("token", "user")
            for name in ("remaining_credits", "used_credits")
            if not isinstance(data.get(owner), dict) or type(data[owner].get(name)) not in (int, float)
        ]
        yield expect(not wrong, f"missing, or not a number: {', '.join(wrong)}", call)


def _expected_use(history: History, who: str, upto: int) -> float:
    """The credits that the tasks of a key have used, by what the first `upto` calls of the trace show of them."""
    used = 0.0
    seen = history.calls[:upto]
    for create in history.accepted:
        if create.call.who != who or create.replayed or create.call not in seen:
            continue
        task = history.task(create.task)
        ends = [read for read in (task.reads if task else ()) if read.status in TERMINAL and read.call in seen]
        if not ends:
            used += _reserved(create)
        elif ends[0].status == "completed":
            length = finite_number(create.call.notes.get("length"))
            model = None if create.assessment.violations else create.assessment.model
            used += _reserved(create) if length is None or model is None else cost_of(create.body, model, length)
    return used


def _uses(history: History) -> Iterator[tuple[Call, Call, float, float]]:
    """Each two successive credit calls of a key, the credits used between them, and those that should have been."""
    last: dict[str, tuple[Call, int]] = {}
    for place, call in enumerate(history.calls):
        if call.path == CREDITS_PATH and call.status == 200 and call.notes.get("settled"):
            if call.who in last:
                earlier, before = last[call.who]
                used = _amount(call, "used") - _amount(earlier, "used")
                should = _expected_use(history, call.who, place) - _expected_use(history, call.who, before)
                yield earlier, call, used, should
            last[call.who] = (call, place)


def _answer_withheld(history: History, call: Call) -> bool:
    """Whether an intermediary withheld an earlier answer, so that tasks or their ends may be unknown."""
    return any(from_intermediary(earlier) for earlier in history.before(call))


@promise(
    "VC-083",
    "charged",
    "The used credits are what unfinished tasks reserve plus what completed tasks cost; failed tasks cost nothing.",
    "S1a",
)
def charged(history: History) -> Iterator[Finding]:
    for earlier, later, used, should in _uses(history):
        if _answer_withheld(history, later):
            continue
        says = f"{credits_text(used)} credits were used; {credits_text(should)} were expected"
        yield expect(abs(used - should) < _EXACT, says, earlier, later)


@promise(
    "VC-084",
    "conserved",
    "The sum of the used and the remaining credits is the same at every query.",
    "S1d",
    "inferred",
)
def conserved(history: History) -> Iterator[Finding]:
    by_key: dict[str, list[Call]] = {}
    for call in history.credits:
        if call.status == 200 and call.access == "granted" and user_balance(call):
            by_key.setdefault(call.who, []).append(call)
    for calls in by_key.values():
        for earlier, later in pairwise(calls):
            sums = [_amount(call, "used") + _amount(call, "remaining") for call in (earlier, later)]
            says = f"the sum {credits_text(sums[0])} became {credits_text(sums[1])}"
            yield expect(abs(sums[0] - sums[1]) < 1e-3, says, earlier, later)


@promise(
    "VC-085",
    "insufficient credits",
    "A create that costs more than the remaining credits gets 402; no other create gets 402.",
    "S1a",
)
def not_enough(history: History) -> Iterator[Finding]:
    for create in history.creates:
        remaining = finite_number(create.call.notes.get("remaining"))
        if from_intermediary(create.call):
            continue
        if remaining is not None and create.assessment.cost is not None:
            holds = (create.call.status == 402) == (create.assessment.cost > remaining)
            says = (
                f"{credits_text(create.assessment.cost)} of {credits_text(remaining)} credits got {create.call.status}"
            )
            yield expect(holds, says, create.call)


PROMISES = (
    reserved,
    prices,
    credits_fields,
    charged,
    conserved,
    not_enough,
)
