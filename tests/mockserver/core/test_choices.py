"""Choices and the conflicts of the facts are the same questions, with the same answers and the same defaults."""

from dataclasses import asdict, fields
from typing import Any, get_args, get_type_hints

import pytest

from evolink_contracts.spec.sources import CONFLICTS
from evolink_mock.core.choices import Choices

HINTS: dict[str, Any] = get_type_hints(Choices)
CLOSED = [setting for setting, conflict in CONFLICTS.items() if not conflict.open_ended]
OPEN = [setting for setting, conflict in CONFLICTS.items() if conflict.open_ended]


def typed(values: Any) -> set[tuple[type, Any]]:
    """Values with their types, since True is 1 to a set."""
    return {(type(value), value) for value in values}


def test_each_conflict_is_one_choice() -> None:
    assert [field.name for field in fields(Choices)] == list(CONFLICTS)


@pytest.mark.parametrize("setting", CONFLICTS)
def test_a_choice_defaults_to_the_first_reading_of_its_conflict(setting: str) -> None:
    assert typed([getattr(Choices(), setting)]) == typed([CONFLICTS[setting].readings[0].value])


@pytest.mark.parametrize("setting", CLOSED)
def test_a_closed_question_has_exactly_the_answers_of_its_conflict(setting: str) -> None:
    hint = HINTS[setting]
    answers = (True, False) if hint is bool else get_args(hint)
    readings = [reading.value for reading in CONFLICTS[setting].readings]
    assert typed(answers) == typed(readings)
    assert len(readings) == len(answers) >= 2


@pytest.mark.parametrize("setting", OPEN)
def test_an_open_question_has_the_type_of_its_default(setting: str) -> None:
    assert HINTS[setting] is type(CONFLICTS[setting].default)


READINGS = [(setting, reading.value) for setting, conflict in CONFLICTS.items() for reading in conflict.readings]


@pytest.mark.parametrize(("setting", "value"), READINGS)
def test_every_reading_can_be_chosen_alone(setting: str, value: Any) -> None:
    chosen, default = asdict(Choices(**{setting: value})), asdict(Choices())
    assert chosen == default | {setting: value}
