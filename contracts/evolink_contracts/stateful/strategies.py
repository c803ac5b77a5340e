"""Hypothesis strategies: valid and invalid requests, callback URLs, receiver outcomes, steps and histories."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from hypothesis import assume
from hypothesis import strategies as st

from evolink_contracts.reference.boundary_requests import (
    INTERNAL_URLS,
    PUBLIC_URLS,
    boundary_requests,
    minimal_request,
)
from evolink_contracts.reference.oracle import Violation, assess_create
from evolink_contracts.spec.errors import FAILURES
from evolink_contracts.spec.fields import Field
from evolink_contracts.spec.models import FLASH, Model
from evolink_contracts.stateful.actions import REFUSALS, Step


class InvalidRequest(NamedTuple):
    """A create request that breaks exactly one rule, with that rule."""

    body: dict[str, Any]
    violation: Violation


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_PATHS = st.from_regex(r"/[a-z0-9/_.-]{0,12}(\?[a-z0-9=&%]{0,8})?", fullmatch=True).filter(lambda path: "%" not in path)
_HOSTS = st.sampled_from(["example.com", "cdn.example.com", "8.8.8.8", "xn--bcher-kva.example"])
_SCALARS = st.none() | st.booleans() | st.integers(-3, 40) | st.floats(-3, 40) | _TEXT
_JSON = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2))


def callback_urls(*, internal: bool = False) -> st.SearchStrategy[str]:
    """Callback URLs that keep every rule; with `internal`, URLs of internal addresses."""
    if internal:
        return st.sampled_from(INTERNAL_URLS)
    return st.sampled_from(PUBLIC_URLS) | st.builds("https://{}{}".format, _HOSTS, _PATHS)


def _values(field: Field, model: Model) -> st.SearchStrategy[Any]:
    """Valid values of a field."""
    match field.kind:
        case "string" if field.choices:
            return st.sampled_from(field.choices)
        case "string":
            return _TEXT
        case "integer":
            return st.integers(field.minimum, field.maximum)
        case "boolean":
            return st.booleans()
        case "urls":
            return st.builds(lambda host, path: [f"https://{host}{path}"], _HOSTS, _PATHS)
        case "url" if field.media is None:
            return callback_urls()
        case "url":
            return st.builds("https://{}{}".format, _HOSTS, _PATHS)
        case "object":
            inner = {each.name: _values(each, model) for each in model.fields if each.parent == field.name}
            return st.fixed_dictionaries({}, optional=inner)


def valid_requests(model: Model = FLASH) -> st.SearchStrategy[dict[str, Any]]:
    """Valid requests, from the smallest on; some with null or unknown fields."""
    own = [field for field in model.fields if field.parent is None]
    required = {field.name: _values(field, model) for field in own if field.required}
    optional = {field.name: st.none() | _values(field, model) for field in own if not field.required}
    known = st.fixed_dictionaries({"model": st.just(model.name), **required}, optional=optional)
    extra = st.dictionaries(st.sampled_from(["aspect_ratio", "seed", "n"]), _JSON, max_size=1)
    if "aspect_ratio" in optional:
        extra = st.just({})
    return st.builds(lambda body, more: {**more, **body}, known, extra)


def _invalid_values(field: Field) -> st.SearchStrategy[Any]:
    """Values of a field, most of them invalid, that break each of its rules equally often."""
    by_rule: list[st.SearchStrategy[Any]] = [_JSON]
    if field.choices:
        by_rule.append(st.sampled_from([choice.upper() + "!" for choice in field.choices]) | _TEXT)
    if field.minimum is not None and field.maximum is not None:
        by_rule.append(st.sampled_from([field.minimum - 1, field.maximum + 1]))
    if field.kind == "urls":
        good = ["https://example.com/a.png"]
        by_rule += [st.sampled_from([[], good * 2, good * 3]), st.sampled_from([["cat.png"], ["ftp://example.com/"]])]
    if field.kind == "url":
        secure = [] if field.media else ["http://example.com/"]
        by_rule.append(st.sampled_from(["ftp://example.com/", "cat.png", "", *secure]))
    if field.kind == "url" and field.media is None:
        by_rule.append(callback_urls(internal=True))
    if field.max_length is not None:
        # Drawn, as the values of the other rules are: Hypothesis takes a value without a choice for the simplest.
        lengths = st.integers(field.max_length + 1, field.max_length + 9)
        by_rule.append(lengths.map(lambda length: "https://example.com/".ljust(length, "x")))
    # Not `one_of`, which would count each type of JSON as a choice of its own, and draw the others seldom.
    return st.sampled_from(by_rule).flatmap(lambda chosen: chosen)


def invalid_requests(model: Model = FLASH, of: Field | None = None) -> st.SearchStrategy[InvalidRequest]:
    """Requests that break exactly one rule, of any field or of the given one."""

    @st.composite
    def invalid(draw: st.DrawFn) -> InvalidRequest:
        body = draw(valid_requests(model))
        field = draw(st.sampled_from(model.fields)) if of is None else of
        if field.parent is not None:
            body = {**body, field.parent: {field.name: draw(_invalid_values(field))}}
        elif field.required and draw(st.booleans()):
            body = {name: value for name, value in body.items() if name != field.name}
        else:
            body = {**body, field.name: draw(_invalid_values(field))}
        violations = assess_create(json.dumps(body), {}).violations
        assume(len(violations) == 1)
        return InvalidRequest(body, violations[0])

    return (
        invalid()
        .filter(lambda found: found is not None)
        .map(lambda found: found or InvalidRequest(minimal_request(), Violation("", "type")))
    )


def receiver_outcomes() -> st.SearchStrategy[list[int]]:
    """Statuses of a receiver for successive attempts; the last one applies to all further attempts."""
    return st.lists(st.sampled_from([200, 204, 302, 404, 500, 503]), min_size=1, max_size=5)


def _steps(do: str, **values: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.fixed_dictionaries({"do": st.just(do), **values})


# A fixed list, since drawing a whole request at every step takes ten times as long as playing the step.
_REQUESTS = [
    {"duration": duration, "quality": quality, "generate_audio": sound}
    for duration in (5, 2, 15)
    for quality in ("720p", "1080p")
    for sound in (True, False)
]
_INVALID = [
    (request.title, request.body.decode("utf-8", "replace"))
    for request in boundary_requests()
    if len(assess_create(request.body.decode("utf-8", "replace"), {}).violations) == 1
]
_TASKS = st.integers(0, 9)

CREATES: st.SearchStrategy[Step] = _steps(
    "create",
    fields=st.sampled_from(_REQUESTS),
    # Half of them succeed, since only those show what is charged.
    outcome=st.none() | st.sampled_from([*(f"fail={code}" for code in FAILURES), "cancel=failed"]),
    answers=st.none() | receiver_outcomes(),
)
STEPS: Mapping[str, st.SearchStrategy[Step]] = {
    "create": CREATES,
    "query": _steps("query", task=_TASKS),
    "advance": _steps("advance", seconds=st.sampled_from([0.5, 1.0, 3.0, 10.0, 60.0])),
    "look_at_credits": _steps("look_at_credits"),
    "create_wrongly": st.sampled_from(_INVALID).map(
        lambda request: {"do": "create_wrongly", "title": request[0], "body": request[1]}
    ),
    "answer_a_callback": _steps("answer_a_callback", status=st.sampled_from([500, 404, 302, 200])),
    "cancel": _steps("cancel", task=_TASKS),
    "inject": _steps("inject", refusal=st.sampled_from(REFUSALS)),
    "reset": _steps("reset"),
}
"""The steps of each action in `ACTIONS`. They are not declared there, since a replay needs no Hypothesis."""


_WEIGHTED = [*(["create", "query", "advance"] * 3), *(["look_at_credits", "answer_a_callback"] * 2), *STEPS]
"""Actions by frequency: those that change little, or that discard what was begun, are rare."""
_NEXT: st.SearchStrategy[Step | None] = st.sampled_from(["", *_WEIGHTED * 2]).flatmap(
    lambda do: STEPS[do] if do else st.none()
)


@st.composite
def histories(draw: st.DrawFn, longest: int = 50) -> list[Step]:
    """Steps of a client in any order; shrinks to the few that are needed."""
    steps = [draw(CREATES)]
    # Not `lists`, which draws six steps on average, whatever the limit.
    while len(steps) < longest and (step := draw(_NEXT)) is not None:
        steps.append(step)
    return steps
