"""The tree of errors is the one that its module draws."""

import re

import evolink_client
from evolink_client import EvolinkError, _errors
from evolink_client._errors import advice_on, error_class
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
        if row.status not in (405, 413):
            assert error_class(row.status) is not _errors.ApiError
    for code, failure in FAILURES.items():
        assert advice_on(code)[0] == failure.retryable
    assert advice_on("InvalidParameter.TaskTypeConstraint") == (False, "see the code's own documentation")
