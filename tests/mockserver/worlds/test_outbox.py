"""The outbox takes deliveries in order, releases held ones, and drops only those that have ended."""

from collections.abc import Iterable
from unittest.mock import Mock

import pytest

from evolink_contracts.spec.timing import EVOLINK_CALLBACKS
from evolink_mock.clock import Notifier
from evolink_mock.core.delivery import AttemptResult, Delivery, ReleaseCondition, Stage, record_attempt
from evolink_mock.core.duration import Micros
from evolink_mock.worlds.due_queue import Due
from evolink_mock.worlds.outbox import Outbox
from evolink_mock.worlds.store import MemoryStore

NEVER = 4_000_000_000_000_000


class Registered(Notifier):
    """A registration that is never closed."""

    closed = False
    enqueue = Notifier.notify_all


def outbox(
    limit: int = 100, store: MemoryStore | None = None, started: Registered | None = None, last: int = 0
) -> Outbox:
    return Outbox(MemoryStore() if store is None else store, limit, started or Registered(), last)


def queued(task: str = "a", due: Micros = 10, hold: ReleaseCondition = "") -> Delivery:
    return Delivery(task, "ended", 0, due=due, hold=hold)


KINDS = {
    "lost": Delivery("a", "ended", 0, "lost", note="swallowed"),
    "replay": Delivery("a", "replay", 0, due=99, of=1),
}


def tried(delivery: Delivery, status: int, now: Micros) -> Delivery:
    return record_attempt(delivery, "https://a.com/", now, now, AttemptResult(status), EVOLINK_CALLBACKS)


def begun(box: Outbox, now: Micros) -> int:
    """Begin the attempt that is due first; the number of its delivery."""
    due = box.take(now)
    assert due is not None
    number = due.key
    assert isinstance(number, int)
    before = box.get(number)
    assert box.begin(number, now) == before
    return number


def attempt(box: Outbox, status: int = 200, now: Micros = NEVER) -> int:
    """Make the attempt that is due first, at once; the number of its delivery."""
    number = begun(box, now)
    delivery = box.get(number)
    assert delivery is not None
    box.keep(number, tried(delivery, status, now))
    return number


def drained(box: Outbox) -> list[tuple[Micros, str | int]]:
    """All that is due at any time. Nothing is left of it."""
    found: list[tuple[Micros, str | int]] = []
    while (due := box.take(NEVER)) is not None:
        found.append((due.at, due.key))
    return found


def restarted(deliveries: Iterable[tuple[int, Delivery]], limit: int = 100) -> Outbox:
    """An outbox that finds these deliveries in its store, and an empty queue."""
    store = MemoryStore()
    for number, delivery in deliveries:
        store.put_delivery(number, delivery)
    return outbox(limit, store)


def test_a_restarted_outbox_holds_releases_and_numbers_as_before() -> None:
    box = restarted([(3, queued("a", 50, "next")), (4, queued("b", 60, "read")), (7, tried(queued("c"), 200, 9))])
    box.release_on_query("b", 20)
    box.release_overtaken(7, 30)
    assert box.put(queued("d", 40)) == 8
    assert drained(box) == [(20, 4), (30, 3), (40, 8)]


def test_no_number_is_given_twice_even_after_a_restart() -> None:
    store = MemoryStore()
    box = outbox(1, store)
    box.put(queued("a", 50))
    box.put(queued("b", 10))
    assert [attempt(box), attempt(box), *box.numbers()] == [2, 1, 1]
    assert outbox(1, store, last=box.last).put(queued("c")) == 3


def test_an_attempt_interrupted_by_a_restart_is_repeated() -> None:
    store = MemoryStore()
    box = outbox(store=store)
    box.put(queued(due=10))
    assert begun(box, 12) == 1
    assert drained(outbox(store=store)) == [(10, 1)]


def test_an_attempt_under_way_has_its_start_and_is_taken_once() -> None:
    box = outbox()
    box.put(queued(due=10))
    assert box.take(9) is None
    assert begun(box, 12) == 1
    assert box.under_way == {1: 12}
    assert box.get(1) == queued(due=10)._replace(started=12)
    assert (box.take(NEVER), box.next_due()) == (None, None)
    box.keep(1, tried(queued(due=10), 200, 12))
    assert box.under_way == {}
    assert box.get(1) == tried(queued(due=10), 200, 12)


@pytest.mark.parametrize("hold", ["next", "read"])
def test_a_delivery_under_way_cannot_be_released(hold: ReleaseCondition) -> None:
    box = outbox()
    box.put(queued("a", 10, hold))
    box.put(queued("b", 90))
    begun(box, 10)
    box.release_overtaken(2, 5)
    box.release_on_query("a", 5)
    assert box.next_due() == 90
    assert box.get(1) == queued("a", 10, hold)._replace(started=10)


def test_only_the_callback_of_a_later_task_releases_a_held_delivery() -> None:
    box = outbox()
    for delivery in (queued("a", 90), queued("b", 50, "next"), queued("c", 90), KINDS["replay"]):
        box.put(delivery)
    for by in (1, 2, 4, 5):
        box.release_overtaken(by, 20)
        box.release_on_query("b", 20)
        assert box.next_due() == 50
    box.release_overtaken(3, 20)
    assert box.next_due() == 20


@pytest.mark.parametrize("hold", ["next", "read"])
def test_releasing_does_not_postpone_a_delivery_that_is_due(hold: ReleaseCondition) -> None:
    box = outbox()
    box.put(queued("a", 10, hold))
    box.put(queued("b", 90))
    box.release_overtaken(2, 20)
    box.release_on_query("a", 20)
    assert drained(box) == [(10, 1), (90, 2)]


@pytest.mark.parametrize("stage", ["delivered", "exhausted", "unrouted", "forbidden", "lost"])
def test_beyond_the_limit_the_oldest_ended_delivery_is_dropped_and_queued_ones_stay(stage: Stage) -> None:
    box = outbox(limit=2)
    waiting = [box.put(queued(due=100)) for _ in range(5)]
    done = [box.put(Delivery("a", "ended", 0, stage)) for _ in range(4)]
    assert box.numbers() == [*waiting, *done[-2:]]
    assert box.get(done[0]) is None
    assert len(drained(box)) == 5


def test_the_end_of_a_task_falls_due_and_is_no_attempt() -> None:
    box = outbox()
    box.expect("task-unified-1-a", 30)
    box.expect("task-unified-2-b", 20)
    box.put(queued(due=25))
    box.give_up("task-unified-2-b", 20)
    assert attempt(box) == 1
    end = box.take(30)
    assert end == Due("task-unified-1-a", 30)
    box.put_back(end)
    assert box.take(30) == end


def test_the_world_is_enqueued_for_an_event_due_before_all_others() -> None:
    started = Mock(Registered)
    box = outbox(started=started)
    rings = []
    for due in (50, 60, 50, 40):
        box.put(queued("a", due, "next"))
        rings.append(started.enqueue.call_count)
    box.expect("task-unified-1-a", 30)
    box.release_overtaken(2, 20)
    assert rings == [1, 1, 1, 2]
    assert started.enqueue.call_count == 4


def test_a_watcher_is_told_of_changes_until_it_stops() -> None:
    box = outbox()
    box.put(queued(due=10))
    with box.watched() as changed:
        box.put(queued("b", 90, "read"))
        attempt(box, 500, now=10)
        box.release_on_query("b", 20)
        assert changed == [2, 1, 1, 2]
    box.put(queued())
    assert changed == [2, 1, 1, 2]


def test_a_watcher_that_stops_leaves_the_others() -> None:
    box = outbox()
    with box.watched() as staying:
        with box.watched():
            pass
        box.put(queued())
        assert staying == [1]


def test_deliveries_are_found_by_number_and_by_task() -> None:
    box = outbox()
    for task in ("a", "b", "a"):
        box.put(queued(task))
    assert (box.of_task("a"), box.of_task("b"), box.of_task("c")) == ([1, 3], [2], [])
    assert (box.get(4), box.begin(4, 10), box.under_way) == (None, None, {})
