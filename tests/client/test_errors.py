"""The tree of errors is the one that its module draws."""

import pickle
import re
from collections.abc import Callable, Iterator
from copy import copy

import pytest

import evolink_client
from evolink_client import (
    ApiError,
    DownloadFailed,
    EvolinkError,
    InvalidCallback,
    InvalidRequest,
    TaskFailed,
    UnexpectedAnswer,
    WaitTimedOut,
    _errors,
)
from evolink_client._errors import advice_on, error_class
from evolink_client._models import read_task
from evolink_contracts.spec.errors import ERRORS, FAILURES


def drawn() -> dict[str, str]:
    """Each class of the drawing with the one it hangs on."""
    stack: list[str] = []
    found = {}
    for line in (_errors.__doc__ or "").splitlines():
        match = re.match(r"((?:[│ ] {3})*(?:[├└]── )?)([A-Z]\w+) ", line)
        if match and (match[2] == "EvolinkError" or "──" in match[1]):
            depth = len(match[1]) // 4
            stack[depth:] = [match[2]]
            found[match[2]] = stack[depth - 1] if depth else ""
    return found


def test_the_drawing_is_the_tree_and_every_error_is_exported() -> None:
    classes = {
        name: kind for name, kind in vars(_errors).items() if isinstance(kind, type) and issubclass(kind, EvolinkError)
    }
    tree = drawn()
    assert tree.keys() == classes.keys()
    for name, kind in classes.items():
        if name != "EvolinkError":
            assert tree[name] == kind.__bases__[0].__name__
        assert name in evolink_client.__all__
        assert kind.__doc__


def test_every_documented_status_has_a_class_of_its_own_and_every_failure_its_advice() -> None:
    for row in ERRORS.values():
        if row.status not in (405, 413, 416):
            assert error_class(row.status) is not _errors.ApiError
    for code, failure in FAILURES.items():
        assert advice_on(code)[0] == failure.retryable
    assert advice_on("InvalidParameter.TaskTypeConstraint") == (False, "see the code's own documentation")


def kinds(kind: type[EvolinkError] = EvolinkError) -> Iterator[type[EvolinkError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from kinds(below)


ENDED = read_task({"id": "t", "status": "failed", "error": {"code": "service_error", "message": "no"}, "more": [1]})
GIVEN: dict[type[EvolinkError], tuple[object, ...]] = {
    InvalidRequest: ("prompt", "must be a string"),
    UnexpectedAnswer: ("the answer is no JSON", 200, "<html>"),
    InvalidCallback: ("the body is no JSON", b"{"),
    ApiError: (429, "too many", "rate_limit_exceeded", "rate_limit_error", None, "req_1", 7.0),
    TaskFailed: (ENDED,),
    WaitTimedOut: (ENDED, 30.0),
    DownloadFailed: ("https://x.example/v.mp4", "status 500", 500),
}


@pytest.mark.parametrize("kind", list(kinds()))
@pytest.mark.parametrize("over", [lambda error: pickle.loads(pickle.dumps(error)), copy])
def test_an_error_survives_a_job_queue(kind: type[EvolinkError], over: Callable[[EvolinkError], EvolinkError]) -> None:
    given = next((given for base, given in GIVEN.items() if issubclass(kind, base)), ("lost",))
    error = kind(*given)
    again = over(error)
    assert type(again) is kind
    assert (str(again), vars(again)) == (str(error), vars(error))
