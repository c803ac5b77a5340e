"""The one place that mutates: a world's tasks, dues and ledger, all as rows that a database could hold."""

from collections.abc import Collection, Iterator
from typing import Protocol

import msgspec

from evolink_mock.core.billing import Ledger
from evolink_mock.core.duration import Micros
from evolink_mock.core.task import Task
from evolink_mock.due_queue import Due, DueQueue


class Store(Protocol):
    """What a world keeps. Tasks come back in the order of their creation, dues in the order of time."""

    ledger: Ledger

    def add(self, task_id: str, task: Task) -> None: ...
    def replace(self, task_id: str, task: Task) -> None: ...
    def get(self, task_id: str) -> Task | None: ...
    def newest_first(self) -> Iterator[tuple[str, Task]]: ...
    def oldest_first(self) -> Iterator[tuple[str, Task]]: ...
    def drop(self, task_ids: Collection[str]) -> None: ...
    def push_due(self, due: Due) -> None: ...
    def peek_due(self) -> Due | None: ...
    def pop_due(self, until: Micros) -> Due | None: ...
    def drop_due(self, task_id: str) -> None: ...
    def __len__(self) -> int: ...
    def __contains__(self, task_id: str) -> bool: ...


_encode_into = msgspec.msgpack.Encoder().encode_into
_decode = msgspec.msgpack.Decoder(Task).decode


class MemoryStore:
    """In memory. Records at rest are bytes: the garbage collector has nothing to walk."""

    # Encoders hand out bytes with room to spare, about 100 a record; a copy of a shared buffer has none.
    _buffer = bytearray()

    def __init__(self, balance: int | None = None) -> None:
        self.ledger = Ledger(balance)
        self._tasks: dict[str, bytes] = {}
        dues = DueQueue()
        self.push_due, self.peek_due, self.pop_due, self.drop_due = dues.push, dues.peek, dues.pop, dues.drop

    def add(self, task_id: str, task: Task) -> None:
        _encode_into(task, self._buffer)
        self._tasks[task_id] = bytes(self._buffer)

    def replace(self, task_id: str, task: Task) -> None:
        """Put a changed task in the place of one that is there; `KeyError` if none is."""
        if task_id not in self._tasks:
            raise KeyError(task_id)
        self.add(task_id, task)

    def get(self, task_id: str) -> Task | None:
        record = self._tasks.get(task_id)
        return None if record is None else _decode(record)

    def newest_first(self) -> Iterator[tuple[str, Task]]:
        for task_id in reversed(self._tasks):
            yield task_id, _decode(self._tasks[task_id])

    def oldest_first(self) -> Iterator[tuple[str, Task]]:
        for task_id, record in self._tasks.items():
            yield task_id, _decode(record)

    def drop(self, task_ids: Collection[str]) -> None:
        if task_ids:
            # Built anew, since a dict whose first entries are gone is slow to begin reading.
            self._tasks = {task_id: record for task_id, record in self._tasks.items() if task_id not in task_ids}

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._tasks
