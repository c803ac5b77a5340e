"""Each promise by two recordings made by hand: one that keeps it, and one that breaks it; both from the documents."""

import pytest

from evolink_contracts.invariants import Judgement, invariants, judge
from exhibits import EXHIBITS, Exhibit


def verdict(number: str, events: tuple[object, ...]) -> Judgement:
    (judgement,) = judge(events, [number])  # type: ignore[arg-type]  # Events, as a parameter.
    return judgement


def test_every_promise_has_its_exhibits() -> None:
    assert EXHIBITS.keys() == invariants().keys()


@pytest.mark.parametrize(("number", "shown"), EXHIBITS.items(), ids=EXHIBITS)
def test_a_promise_tells_what_keeps_it_from_what_breaks_it(number: str, shown: Exhibit) -> None:
    assert verdict(number, shown.held).verdict == "held"
    broken = verdict(number, shown.broken)
    assert broken.verdict == "broken"
    assert broken.shortest.broken
    assert set(map(id, broken.shortest.events)) <= set(map(id, shown.broken))


@pytest.mark.parametrize("number", EXHIBITS)
def test_a_promise_says_nothing_of_an_empty_recording(number: str) -> None:
    assert verdict(number, ()).verdict == "not seen"
