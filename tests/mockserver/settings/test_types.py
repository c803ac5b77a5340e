"""Settings that Python code gives are checked as those of the command line are: names, types, bounds and words."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from evolink_mock.core.choices import Choices
from evolink_mock.settings import NAMES, KeyRule, Settings, UnknownSetting, settings_of

HINTS: dict[str, Any] = {**get_type_hints(Choices), **get_type_hints(Settings)}
NOTHING_OF_THE_KIND = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
    st.builds(object),
)


def is_of(value: object, hint: Any) -> bool:
    """Whether a value has a type, read from the annotation in another way than the product does."""
    if isinstance(hint, type):
        return type(value) is hint or (hint is float and type(value) is int)
    origin, arguments = getattr(hint, "__origin__", None), get_args(hint)
    if origin is Mapping:
        return isinstance(value, dict) and all(
            is_of(each, kind) for pair in value.items() for each, kind in zip(pair, arguments, strict=True)
        )
    return any(value is each or value == each or (isinstance(each, type) and is_of(value, each)) for each in arguments)


@pytest.mark.parametrize("name", NAMES)
@hypothesis_settings(max_examples=30)
@given(value=NOTHING_OF_THE_KIND)
def test_a_value_is_of_its_settings_type_or_refused_by_the_settings_name(name: str, value: object) -> None:
    try:
        settings_of({name: value}).resolved()
    except ValueError as refused:
        assert name in str(refused)  # noqa: PT017  # Both outcomes are right, and each says something.
    else:
        assert is_of(value, HINTS[name])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"clock": "manul"}, "clock must be one of real, scaled, manual, auto; got 'manul'; did you mean 'manual'?"),
        ({"callback_route": "x"}, 'callback_route must be a mapping of text to text, such as {"https://app.example'),
        ({"callback_route": {"https://a.example": 3}}, "got {'https://a.example': 3}"),
        ({"port": "80"}, "port must be a whole number, from 0 to 65535; got '80'"),
        ({"port": True}, "port must be a whole number, from 0 to 65535; got True"),
        ({"tls": 1}, "tls must be True or False; got 1"),
        ({"clock_start": 1.5}, "clock_start must be a whole number or None, Unix seconds up to the year 2100; got 1.5"),
        ({"seed": None}, "seed must be a whole number, from 0 to 2^63 - 1; got None"),
        ({"generation_time": 10}, "generation_time must be text; got 10"),
        ({"keys": ["sk-a"]}, 'such as {"sk-a": KeyRule(balance=20)}; got a value of type list'),
        ({"keys": {"sk-0123456789": KeyRule(models="x")}}, "must be a list of text or None; got 'x'"),  # type: ignore[arg-type]
        ({"choices": {}}, "choices must be a Choices, such as Choices(); got {}"),
        ({"choices": Choices(oversize_status=412)}, "oversize_status must be one of 413, 400; got 412"),  # type: ignore[arg-type]
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_with_what_would_be_right(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        Settings(**given)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sed", "'sed' is not a known setting; did you mean 'seed'?"),
        ("canceled_as", "did you mean 'cancelled_as'?"),
        ("xyzzy", "'xyzzy' is not a known setting; "),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(name: str, says: str) -> None:
    with pytest.raises(UnknownSetting) as refused:
        settings_of({name: 7})
    assert says in str(refused.value)
    assert isinstance(refused.value, ValueError)
    assert isinstance(refused.value, TypeError)


def test_the_record_itself_suggests_names_too() -> None:
    with pytest.raises(UnknownSetting, match="did you mean 'seed'"):
        Settings(sed=7)  # type: ignore[call-arg]
    with pytest.raises(UnknownSetting, match=r"write choices=Choices\(cancelled_as=…\)"):
        Settings(cancelled_as="failed")  # type: ignore[call-arg]


def test_open_questions_go_in_by_name() -> None:
    settings = settings_of({"choices": Choices(cancel_route=True), "cancelled_as": "cancelled", "seed": 7})
    assert (settings.choices.cancel_route, settings.choices.cancelled_as, settings.seed) == (True, "cancelled", 7)
    assert {each.name for each in fields(Choices)} <= set(NAMES)


def test_a_path_goes_in_as_one() -> None:
    assert Settings(state=Path("here")).resolved().state == "here"  # type: ignore[arg-type]


def test_refusals_never_repeat_the_token() -> None:
    with pytest.raises(ValueError, match="control_token") as refused:
        Settings(control_token=b"very-secret")  # type: ignore[arg-type]
    assert "secret" not in str(refused.value)
