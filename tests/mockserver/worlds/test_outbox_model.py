"""The outbox against plain lists, before and after a restart."""

from collections import deque
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from evolink_mock.core.delivery import Delivery, ReleaseCondition
from evolink_mock.core.duration import Micros
from tests.mockserver.worlds.test_outbox import KINDS, attempt, drained, outbox, queued, restarted, tried

TASKS = st.sampled_from([f"task-unified-{n}-aaaaaaa{n}" for n in range(4)])
STEPS = st.integers(0, 3_000_000)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), TASKS, STEPS, st.sampled_from(["", "next", "read", "lost", "replay"])),
        st.tuples(st.just("attempt"), st.sampled_from([200, 500]), STEPS),
        st.tuples(st.just("overtaken"), st.integers(1, 9)),
        st.tuples(st.just("seen"), TASKS),
        st.tuples(st.just("pass"), STEPS),
    ),
    max_size=40,
)


@dataclass
class Model:
    """What an outbox should know: all deliveries by number, who came when in the queue, and who was done in order."""

    limit: int
    kept: dict[int, Delivery] = field(default_factory=dict)
    turn: dict[int, int] = field(default_factory=dict)
    done: deque[int] = field(default_factory=deque)
    filed: int = 0

    def file(self, number: int, delivery: Delivery) -> None:
        self.kept[number] = delivery
        self.filed += 1
        self.turn[number] = self.filed
        if delivery.due is None:
            self.done.append(number)
            if len(self.done) > self.limit:
                del self.kept[self.done.popleft()]

    def waiting(self) -> list[tuple[Micros, int, int]]:
        return sorted((d.due, self.turn[number], number) for number, d in self.kept.items() if d.due is not None)

    def let_go(self, numbers: list[int], now: Micros) -> None:
        for number in numbers:
            if (self.kept[number].due or 0) > now:
                self.file(number, self.kept[number]._replace(due=now, hold=""))

    def held(self, hold: ReleaseCondition) -> list[int]:
        return [number for number in self.kept if self.kept[number].hold == hold]


@given(ACTS, st.integers(1, 4))
@settings(max_examples=200)
def test_keeps_takes_and_releases_what_plain_lists_would(acts: list[tuple[object, ...]], limit: int) -> None:
    box, model, now, last = outbox(limit), Model(limit), 1_000_000, 0
    for act in acts:
        match act:
            case ("put", str(task), int(wait), ("" | "next" | "read" | "lost" | "replay") as kind):
                last += 1
                if kind == "read" and any(model.kept[n].task == task for n in model.held("read")):
                    kind = ""  # A task ends once, so one delivery at most is held until its end is read.
                delivery = KINDS.get(kind) or queued(hold=kind if kind in ("next", "read") else "")
                delivery = delivery._replace(task=task, due=None if delivery.ended else now + wait)
                assert box.put(delivery) == last
                model.file(last, delivery)
            case ("attempt", int(status), int(took)) if (waiting := model.waiting()) and waiting[0][0] <= now:
                number = waiting[0][2]
                began, now = now, now + took
                assert attempt(box, status, began) == number
                model.file(number, tried(model.kept[number], status, began))
            case ("overtaken", int(by)):
                sent = by in model.kept and model.kept[by].origin == "ended"
                box.release_overtaken(by, now)
                model.let_go([n for n in model.held("next") if sent and n < by], now)
            case ("seen", str(task)):
                box.release_on_query(task, now)
                model.let_go([n for n in model.held("read") if model.kept[n].task == task], now)
            case ("pass", int(step)):
                now += step
            case _:
                assert box.take(now) is None
        assert {number: box.get(number) for number in box.numbers()} == model.kept
        assert box.next_due() == min((due for due, _, _ in model.waiting()), default=None)
    waits = [(due, number) for due, _, number in model.waiting()]
    again = restarted(model.kept.items(), limit)
    assert again.numbers() == box.numbers()
    assert sorted(drained(again)) == sorted(waits)
    assert drained(box) == waits
