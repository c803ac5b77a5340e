"""A view of a world is settled: credits, events and deliveries agree with each other at its instant."""

import re
from pathlib import Path

import evolink_mock
from evolink_contracts.spec.models import MODELS
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS
from evolink_mock import create_app
from evolink_mock.core.duration import SECOND
from evolink_mock.core.validation import CreateRequest, Validator
from evolink_mock.worlds.tasks import NewTask
from evolink_mock.worlds.world import World
from tests.support.emulator import DOCUMENTED, settings

SOURCES = Path(evolink_mock.__file__).parent
PRIVATE = re.compile(r"\bworld\._(?!_)")
"""Credits, events and deliveries that may not be settled."""


def world_with_a_task() -> World:
    world = create_app(settings()).worlds.get_or_create("sk-local")
    body = DOCUMENTED | {"callback_url": "https://app.example.com/hook"}
    request = Validator(MODELS, world.config.choices, EVOLINK_CALLBACKS).validate(body)
    assert isinstance(request, CreateRequest)
    assert world.tasks.create(NewTask(request), world.clock.now()) is not None
    return world


def test_a_view_after_the_end_of_a_task_has_its_charge_its_events_and_its_callback() -> None:
    world = world_with_a_task()
    world.move_clock(world.clock.now() + 60 * SECOND)
    view = world.view()
    assert (view.ledger.reserved, view.ledger.spent) == (0, 119_000)
    assert [row.event for _, row in view.events.after(0)] == ["task.created", "task.processing", "task.completed"]
    assert view.deliveries.numbers() == [1]
    assert view.next_event() == view.deliveries.next_due()


def test_a_view_at_an_earlier_instant_leaves_later_transitions_pending() -> None:
    world = world_with_a_task()
    begin = world.clock.now()
    world.move_clock(begin + 60 * SECOND)
    view = world.view(begin)
    assert (view.now, view.ledger.reserved, view.ledger.spent) == (begin, 119_000, 0)
    assert view.deliveries.numbers() == []


def test_no_other_room_reads_past_the_view() -> None:
    found = [
        str(path.relative_to(SOURCES))
        for path in SOURCES.rglob("*.py")
        if path.parent.name != "worlds" and PRIVATE.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []
