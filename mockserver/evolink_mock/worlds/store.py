"""Storage protocols, and storage in memory: a world's tasks, due events and deliveries, as rows that fit a database."""

from collections.abc import Collection, Iterable, Iterator
from typing import Protocol

import msgspec

from evolink_mock.core.delivery import Delivery
from evolink_mock.core.task import Task
from evolink_mock.worlds.due_queue import DueQueue
from evolink_mock.worlds.snapshot import SavedWorld


class Store(Protocol):
    """The rows of a world. Tasks come back in the order of their creation, deliveries in that of their numbers."""

    transitions: DueQueue[str]
    """The next transition of each unfinished task."""
    callbacks: DueQueue[str | int]
    """The ends of unfinished tasks with a callback, by task id, and the next attempts of deliveries, by number."""

    def add(self, task_id: str, task: Task) -> None: ...
    def replace(self, task_id: str, task: Task) -> None: ...
    def close(self, task_id: str) -> None:
        """Record that a task has ended and is settled."""

    def unfinished(self) -> list[str]:
        """The ids of tasks that were loaded and have not ended."""

    def mark_dirty(self) -> None:
        """Record that the saved state of the world beside its rows has changed."""

    def get(self, task_id: str) -> Task | None: ...
    def task_ids(self) -> list[str]: ...
    def newest_first(self) -> Iterator[tuple[str, Task]]: ...
    def oldest_first(self) -> Iterator[tuple[str, Task]]: ...
    def drop(self, task_ids: Collection[str]) -> None: ...
    def put_delivery(self, number: int, delivery: Delivery) -> None: ...
    def get_delivery(self, number: int) -> Delivery | None: ...
    def drop_delivery(self, number: int) -> None: ...
    def delivery_numbers(self) -> list[int]: ...
    def delivery_numbers_with(self, task_id: str) -> list[int]:
        """The numbers of deliveries whose record has the id of a task somewhere: those of the task, and few others."""

    def delivery_count(self) -> int: ...
    def __len__(self) -> int: ...
    def __contains__(self, task_id: str) -> bool: ...


class StorageError(Exception):
    """The directory or the file in it cannot hold the state; the message has the reason, and what to try."""


class Saved(Protocol):
    """A world, as its storage sees it."""

    def save(self) -> SavedWorld:
        """Its state beside the rows of its store."""

    def mark_saved(self) -> None:
        """Record that all changes so far are stored."""

    def roll_back(self, saved: SavedWorld | None) -> None:
        """Go back to what is stored; to an empty world where nothing is."""


class StorageBackend(Protocol):
    """Storage of all worlds of an emulator."""

    failure: str
    """The reason why nothing can be stored at present; empty where everything can."""
    rollbacks: int
    """The number of times that changes were undone."""

    def store(self, key: str, world: Saved, *, anew: bool) -> Store:
        """The store of a world, with the rows stored in it, or `anew` with none."""

    def worlds(self) -> Iterable[tuple[str, SavedWorld]]:
        """The worlds stored before, with their keys."""

    def forget(self, key: str) -> None:
        """Delete a world that was evicted."""

    def commit(self) -> None:
        """Store all changes so far. A `Transaction` calls it before anything outside can see them.

        Raises `StorageError` where that fails; nothing is lost then, and the next commit tries again.
        """

    def roll_back(self) -> None:
        """Undo all changes that are not stored. The result of an attempt that was made is kept for the next commit."""

    def close(self) -> None: ...


class Transaction:
    """Commits what has changed when a `with` block ends, before anything outside can see it.

    Raises `StorageError` where that fails, and undoes what has changed, so that what is refused leaves nothing. Where
    the last commit failed, it tries again before the block, which then does not run if that fails too. After any other
    exception nothing is written until the next transaction.

    Without `undo`, a failure is no error: the changes are kept, and the next transaction writes them.
    """

    __slots__ = ("_backend", "_rollbacks", "_undo")

    def __init__(self, backend: StorageBackend, *, undo: bool = True) -> None:
        self._backend = backend
        self._rollbacks = 0
        self._undo = undo

    def __enter__(self) -> None:
        if self._backend.failure:
            self._backend.commit()
        self._rollbacks = self._backend.rollbacks

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is not None:
            return
        backend = self._backend
        try:
            backend.commit()
        except StorageError:
            if self._undo:
                backend.roll_back()
                raise
        else:
            if self._undo and backend.rollbacks != self._rollbacks:
                raise StorageError("the emulator could not write its state meanwhile, and changes were undone")


_encode_into = msgspec.msgpack.Encoder().encode_into
decode_task = msgspec.msgpack.Decoder(Task).decode
decode_delivery = msgspec.msgpack.Decoder(Delivery).decode


class MemoryStore:
    """In memory. Records at rest are bytes: the garbage collector has nothing to walk."""

    def __init__(self) -> None:
        # Encoders hand out bytes with room to spare, about 100 a record; a copy of a reused buffer has none. Each store
        # has its own, since emulators in other threads encode at the same time.
        self._buffer = bytearray()
        self.transitions: DueQueue[str] = DueQueue()
        self.callbacks: DueQueue[str | int] = DueQueue()
        self._tasks: dict[str, bytes] = {}
        self._deliveries: dict[int, bytes] = {}

    def add(self, task_id: str, task: Task) -> None:
        _encode_into(task, self._buffer)
        self._tasks[task_id] = bytes(self._buffer)

    def replace(self, task_id: str, task: Task) -> None:
        """Put a changed task in the place of one that is there; `KeyError` if none is."""
        if task_id not in self._tasks:
            raise KeyError(task_id)
        self.add(task_id, task)

    def close(self, task_id: str) -> None:
        """Nothing to do: a task that has ended is no longer among the transitions."""

    def unfinished(self) -> list[str]:
        return []

    def mark_dirty(self) -> None:
        """Nothing outlives the process."""

    def get(self, task_id: str) -> Task | None:
        record = self._tasks.get(task_id)
        return None if record is None else decode_task(record)

    def task_ids(self) -> list[str]:
        return list(self._tasks)

    def newest_first(self) -> Iterator[tuple[str, Task]]:
        for task_id in reversed(self._tasks):
            yield task_id, decode_task(self._tasks[task_id])

    def oldest_first(self) -> Iterator[tuple[str, Task]]:
        for task_id, record in self._tasks.items():
            yield task_id, decode_task(record)

    def drop(self, task_ids: Collection[str]) -> None:
        if task_ids:
            # Built anew, since iteration over a dict starts slowly after its first entries were deleted.
            self._tasks = {task_id: record for task_id, record in self._tasks.items() if task_id not in task_ids}

    def put_delivery(self, number: int, delivery: Delivery) -> None:
        _encode_into(delivery, self._buffer)
        self._deliveries[number] = bytes(self._buffer)

    def get_delivery(self, number: int) -> Delivery | None:
        record = self._deliveries.get(number)
        return None if record is None else decode_delivery(record)

    def drop_delivery(self, number: int) -> None:
        self._deliveries.pop(number, None)

    def delivery_numbers(self) -> list[int]:
        return list(self._deliveries)

    def delivery_numbers_with(self, task_id: str) -> list[int]:
        # To decode each record would take a hundred times as long.
        wanted = task_id.encode()
        return [number for number, record in self._deliveries.items() if wanted in record]

    def delivery_count(self) -> int:
        return len(self._deliveries)

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._tasks


class MemoryBackend:
    """Keeps worlds in memory, for as long as the process runs."""

    failure = ""
    rollbacks = 0

    def store(self, key: str, world: Saved, *, anew: bool) -> Store:
        return MemoryStore()

    def worlds(self) -> Iterable[tuple[str, SavedWorld]]:
        return ()

    def forget(self, key: str) -> None:
        """Nothing is stored."""

    def commit(self) -> None:
        """Nothing is stored."""

    def roll_back(self) -> None:
        """Nothing fails."""

    def close(self) -> None:
        """Nothing is open."""
