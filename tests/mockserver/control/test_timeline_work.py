"""Work of a timeline reader: at its beginning each delivery is read once, later those of the tasks that changed."""

from contextlib import closing

import pytest

from evolink_mock.control.timeline.stream import _Subscription
from evolink_mock.core.delivery import Delivery
from evolink_mock.worlds.outbox import Outbox
from evolink_mock.worlds.world import World
from tests.support.emulator import Emulator

TASKS = 500


def test_a_reader_reads_each_delivery_once_and_then_those_that_change(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    get = Outbox.get

    def counted(outbox: Outbox, number: int) -> Delivery | None:
        read.append(number)
        return get(outbox, number)

    def messages(world: World, reader: _Subscription) -> str:
        return b"".join(reader.messages(world.view())).decode()

    with Emulator.in_process() as emulator:
        for _ in range(TASKS):
            emulator.create(callback_url="https://sink.mock/200")
        emulator.advance("20s")
        world = emulator.client._transport._asgi.app.worlds.get_or_create("sk-local")  # type: ignore[attr-defined]
        monkeypatch.setattr(Outbox, "get", counted)
        with closing(_Subscription(world, 1, None)) as reader:
            assert messages(world, reader).count('"reads"') == TASKS
            assert sorted(read) == list(range(1, TASKS + 1))
            read.clear()
            emulator.query(emulator.create())
            assert messages(world, reader).count('"reads"') == 1
            assert read == []
