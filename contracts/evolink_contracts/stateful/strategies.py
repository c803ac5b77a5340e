"""Hypothesis strategies of the contract: requests that keep the rules or break one, URLs, receivers."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from hypothesis import assume
from hypothesis import strategies as st

from evolink_contracts.reference.boundary_requests import FLASH, INTERNAL, PUBLIC, edges, valid
from evolink_contracts.reference.oracle import Fault, judge_create
from evolink_contracts.spec.errors import FAILURES
from evolink_contracts.spec.fields import Field
from evolink_contracts.spec.models import Model
from evolink_contracts.stateful.steps import REFUSALS, Step


class Labelled(NamedTuple):
    """A create request that breaks exactly one rule, and which."""

    body: dict[str, Any]
    fault: Fault


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_PATHS = st.from_regex(r"/[a-z0-9/_.-]{0,12}(\?[a-z0-9=&%]{0,8})?", fullmatch=True).filter(lambda path: "%" not in path)
_HOSTS = st.sampled_from(["example.com", "cdn.example.com", "8.8.8.8", "xn--bcher-kva.example"])
_SCALARS = st.none() | st.booleans() | st.integers(-3, 40) | st.floats(-3, 40) | _TEXT
_JSON = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2))


def callback_urls(*, internal: bool = False) -> st.SearchStrategy[str]:
    """Callback URLs that keep every rule; with `internal`, such as lead to an internal address."""
    if internal:
        return st.sampled_from(INTERNAL)
    return st.sampled_from(PUBLIC) | st.builds("https://{}{}".format, _HOSTS, _PATHS)


def _values(field: Field, model: Model) -> st.SearchStrategy[Any]:
    """Values of a field that keep its rule."""
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
    """Requests that keep every rule, from the smallest on; some with nulls and with fields that nobody knows."""
    own = [field for field in model.fields if field.parent is None]
    required = {field.name: _values(field, model) for field in own if field.required}
    optional = {field.name: st.none() | _values(field, model) for field in own if not field.required}
    known = st.fixed_dictionaries({"model": st.just(model.name), **required}, optional=optional)
    extra = st.dictionaries(st.sampled_from(["aspect_ratio", "seed", "n"]), _JSON, max_size=1)
    if "aspect_ratio" in optional:
        extra = st.just({})
    return st.builds(lambda body, more: {**more, **body}, known, extra)


def _faulty(field: Field) -> st.SearchStrategy[Any]:
    """Values of a field that mostly break its rules, each rule as often as any other."""
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
        by_rule.append(st.just("https://example.com/".ljust(field.max_length + 1, "x")))
    # Not `one_of`, which would count each kind of JSON as a choice of its own, and come to the rest seldom.
    return st.sampled_from(by_rule).flatmap(lambda chosen: chosen)


def invalid_requests(model: Model = FLASH, of: Field | None = None) -> st.SearchStrategy[Labelled]:
    """Requests that break exactly one rule, with the rule; of any field, or of one."""

    @st.composite
    def one_fault(draw: st.DrawFn) -> Labelled:
        body = draw(valid_requests(model))
        field = draw(st.sampled_from(model.fields)) if of is None else of
        if field.parent is not None:
            body = {**body, field.parent: {field.name: draw(_faulty(field))}}
        elif field.required and draw(st.booleans()):
            body = {name: value for name, value in body.items() if name != field.name}
        else:
            body = {**body, field.name: draw(_faulty(field))}
        faults = judge_create(json.dumps(body), {}).faults
        assume(len(faults) == 1)
        return Labelled(body, faults[0])

    return (
        one_fault()
        .filter(lambda found: found is not None)
        .map(lambda found: found or Labelled(valid(), Fault("", "type")))
    )


def receiver_outcomes() -> st.SearchStrategy[list[int]]:
    """What a receiver answers to one attempt after the other; the last goes for all that follow."""
    return st.lists(st.sampled_from([200, 204, 302, 404, 500, 503]), min_size=1, max_size=5)


def _steps(do: str, **values: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.fixed_dictionaries({"do": st.just(do), **values})


# Ready-made, since drawing a whole request at every step takes ten times as long as carrying it out.
_REQUESTS = [
    {"duration": duration, "quality": quality, "generate_audio": sound}
    for duration in (5, 2, 15)
    for quality in ("720p", "1080p")
    for sound in (True, False)
]
_FAULTY = [
    (edge.title, edge.body.decode("utf-8", "replace"))
    for edge in edges()
    if len(judge_create(edge.body.decode("utf-8", "replace"), {}).faults) == 1
]
_TASKS = st.integers(0, 9)

CREATES: st.SearchStrategy[Step] = _steps(
    "create",
    fields=st.sampled_from(_REQUESTS),
    # Half of them succeed: what is charged shows by those alone.
    outcome=st.none() | st.sampled_from([*(f"fail={code}" for code in FAILURES), "cancel=failed"]),
    answers=st.none() | receiver_outcomes(),
)
ACTS: Mapping[str, st.SearchStrategy[Step]] = {
    "create": CREATES,
    "query": _steps("query", task=_TASKS),
    "advance": _steps("advance", seconds=st.sampled_from([0.5, 1.0, 3.0, 10.0, 60.0])),
    "look_at_credits": _steps("look_at_credits"),
    "create_wrongly": st.sampled_from(_FAULTY).map(
        lambda edge: {"do": "create_wrongly", "title": edge[0], "body": edge[1]}
    ),
    "answer_a_callback": _steps("answer_a_callback", status=st.sampled_from([500, 404, 302, 200])),
    "cancel": _steps("cancel", task=_TASKS),
    "inject": _steps("inject", refusal=st.sampled_from(REFUSALS)),
    "reset": _steps("reset"),
}
"""Each thing that a customer can do, as steps."""


_OFTEN = [*(["create", "query", "advance"] * 3), *(["look_at_credits", "answer_a_callback"] * 2), *ACTS]
"""So often each is done: what changes little, or ends what was begun, seldom."""
_NEXT: st.SearchStrategy[Step | None] = st.sampled_from(["", *_OFTEN * 2]).flatmap(
    lambda do: ACTS[do] if do else st.none()
)


@st.composite
def histories(draw: st.DrawFn, longest: int = 50) -> list[Step]:
    """What a customer does, in any order; shrinks to the few steps that it takes."""
    steps = [draw(CREATES)]
    # Not `lists`, which has six steps on average, however many there may be.
    while len(steps) < longest and (step := draw(_NEXT)) is not None:
        steps.append(step)
    return steps
