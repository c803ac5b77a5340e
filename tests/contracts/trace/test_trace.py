"""A recording says the same when it is read again, and a faulty one says where it is faulty."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolink_contracts.promises.registry import BY_NUMBER, judge
from evolink_contracts.reference.errors import InvalidTrace
from evolink_contracts.trace import Attempt, Call, read_trace, write_trace
from evolink_contracts.trace.history import TASK_PATH
from tests.support.traces.sample_traces import create, look, read
from tests.support.traces.trace_strategies import ATTEMPTS, CALLED, CALLS, FOREIGN


@given(st.lists(CALLS | ATTEMPTS, max_size=8))
def test_what_is_written_is_read_again_in_the_order_of_time(events: list[Call | Attempt]) -> None:
    again = read_trace(write_trace(events))
    assert list(again) == sorted(events, key=lambda event: event.at)


def _line(**changed: object) -> str:
    call = {"kind": "call", "at": 1, "method": "GET", "path": "/v1/credits", "status": 200}
    return json.dumps({**call, **changed})


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 2 is not a JSON object"),
        ("[]", "line 2 is not a JSON object"),
        ("{}", 'line 2: "kind" must be one of call, attempt'),
        ('{"kind": "call"}', "line 2: missing 4 required positional arguments"),
        ('{"kind": "attempt", "x": 1}', "line 2: got an unexpected keyword argument 'x'"),
        (_line(at="soon"), "line 2: at must be int or float"),
        (_line(at=float("nan")), "line 2: at and took must be finite"),
        (_line(at=10**400), "line 2: at and took must be finite"),
        (_line(status=99), "line 2: status must be from 100 to 599"),
        (_line(status=10**400), "line 2: status must be from 100 to 599"),
        (_line(notes={"length": "x"}), "line 2: notes.length must be a finite number"),
        (_line(notes={"age": 10**400}), "line 2: notes.age must be a finite number"),
        (_line(notes={"remaining": None}), "line 2: notes.remaining must be a finite number"),
        (_line(status=True), "line 2: status must be int"),
        (_line(headers={"a": 1}), "line 2: headers must be text"),
    ],
)
def test_a_line_that_is_no_event_is_named(line: str, says: str) -> None:
    with pytest.raises(InvalidTrace) as error:
        read_trace(["", line])
    assert says in str(error.value)


HUGE = 10**400
PAID = {"settled": True, "priced": True, "remaining": HUGE, "age": HUGE}


@pytest.mark.parametrize(
    ("asked", "says", "notes"),
    [
        ({}, {"usage": {"credits_reserved": HUGE}}, {}),
        ({}, {}, {"length": "x"}),
        ({}, {}, {"length": HUGE}),
        ({"quality": "4k"}, {}, {"length": 3}),
        ({"quality": []}, {}, {"length": 3}),
        ({}, {"id": f"task-unified-{'9' * 5000}-abcdefgh"}, {}),
    ],
    ids=["reserved", "length", "huge length", "quality", "no quality", "id"],
)
def test_no_number_is_too_strange_to_be_judged(asked: Any, says: Any, notes: Any) -> None:
    made = create(asked, says, notes=PAID | notes)
    ended = replace(read(1.0), path=TASK_PATH + str(made.json["id"]))
    events = (look(0.0, HUGE, notes=PAID), made, ended, look(2.0, HUGE, notes=PAID))
    assert [judgement.promise.number for judgement in judge(events)] == list(BY_NUMBER)


@pytest.mark.parametrize("examples", [50, pytest.param(500, marks=pytest.mark.slow)])
def test_whatever_a_service_answers_is_judged(examples: int) -> None:
    @given(st.lists(FOREIGN | CALLED, max_size=8))
    @settings(max_examples=examples)
    def each(events: list[Call | Attempt]) -> None:
        assert [judgement.promise.number for judgement in judge(tuple(events))] == list(BY_NUMBER)

    each()
