"""The calendar queue, against a sorted list."""

import gc

from hypothesis import given
from hypothesis import strategies as st

from evolink_mock.worlds.due_queue import Due, DueQueue

IDS = st.sampled_from([f"task-unified-{n}-aaaaaaa{n}" for n in range(8)])
INSTANTS = st.integers(0, 3_000_000)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), IDS, INSTANTS),
        st.tuples(st.just("pop"), INSTANTS),
        st.tuples(st.just("drop"), IDS),
        st.just(("peek",)),
    ),
    max_size=60,
)


@given(ACTS)
def test_pops_what_a_sorted_list_would(acts: list[tuple[object, ...]]) -> None:
    queue, model = DueQueue[str](), list[Due[str]]()
    for act in acts:
        match act:
            case ("push", str(task), int(at)):
                if task in {due.key for due in model}:
                    continue  # A task has one due at a time.
                queue.push(Due(task, at, at + 1, at + 2))
                model.append(Due(task, at, at + 1, at + 2))
            case ("pop", int(until)):
                first = min(model, key=lambda due: due.at, default=None)
                expected = first if first is not None and first.at <= until else None
                assert queue.pop(until) == expected
                if expected is not None:
                    model.remove(expected)
            case ("drop", str(task)):
                for dropped in [due for due in model if due.key == task]:
                    queue.drop(task, dropped.at)
                    model.remove(dropped)
            case _:
                assert queue.peek() == min(model, key=lambda due: due.at, default=None)
    while model:
        first = min(model, key=lambda due: due.at)
        assert queue.pop(10_000_000) == first
        model.remove(first)
    assert queue.pop(10_000_000) is None


def test_queued_events_are_invisible_to_the_garbage_collector() -> None:
    queue = DueQueue[str]()
    for n in range(5000):
        queue.push(Due(f"task-unified-{n}-aaaaaaaa", n * 1000))
    held = [thing for thing in gc.get_referents(queue) if isinstance(thing, list | dict | set)]
    assert held
    assert sum(map(len, held)) < 100
