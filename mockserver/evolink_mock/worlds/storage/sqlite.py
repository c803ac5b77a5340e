"""SQLite storage of worlds, so that a kill at any moment loses none: one file in the directory of `--state`.

Changes are collected, and written in one transaction before anything outside can see their effect: before a response
leaves, and as soon as the result of an attempt is known. So the file agrees with every response sent, and never holds
half of a step; where it cannot be written, the collected changes are kept for the next transaction.
"""

import logging
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from evolink_mock.core.delivery import Delivery
from evolink_mock.core.task import Task
from evolink_mock.worlds.snapshot import SavedWorld
from evolink_mock.worlds.storage.checked_rows import FORMAT, checksum
from evolink_mock.worlds.storage.state_file import FILE, StatePlace, open_state
from evolink_mock.worlds.store import MemoryStore, Saved, StorageError, decode_delivery, decode_task

log = logging.getLogger("evolink_mock")

_PUT_WORLD = """
INSERT INTO world (id, key, record, sum) VALUES (?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET record = excluded.record, sum = excluded.sum
"""
_PUT_TASK = """
INSERT INTO task (world, id, record, ended, sum) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (world, id) DO UPDATE SET record = excluded.record, ended = excluded.ended, sum = excluded.sum
"""
_PUT_DELIVERY = "INSERT OR REPLACE INTO delivery (world, number, record, sum) VALUES (?, ?, ?, ?)"
_DROP_TASK = "DELETE FROM task WHERE world = ? AND id = ?"
_DROP_DELIVERY = "DELETE FROM delivery WHERE world = ? AND number = ?"
_WIPE = (
    "DELETE FROM task WHERE world = ?",
    "DELETE FROM delivery WHERE world = ?",
    "DELETE FROM world WHERE id = ?",
)


class SqliteBackend:
    """The file, opened by this process alone. Raises `StorageError`."""

    def __init__(self, directory: Path) -> None:
        self._dirty: dict[int, SqliteStore] = {}
        self._changes: dict[tuple[int, str | int], tuple[str, tuple[object, ...]]] = {}
        """By world and row, since only the last change of a row counts."""
        self._wiped: set[int] = set()
        """Worlds whose rows in the file are to be deleted."""
        self.failure = ""
        self.rollbacks = 0
        self.path = directory / FILE
        self._base = open_state(directory)
        self._place = StatePlace(self.path)
        self._numbers: dict[str, int] = dict(self._base.execute("SELECT key, id FROM world"))
        self._last = max(self._numbers.values(), default=0)

    def worlds(self) -> Iterator[tuple[str, SavedWorld]]:
        """The stored worlds, in the order of their first use."""
        with self._readable():
            for key, record in self._base.execute("SELECT key, record FROM world ORDER BY id").fetchall():
                yield key, msgspec.msgpack.decode(record, type=SavedWorld)

    def store(self, key: str, world: Saved, *, anew: bool) -> "SqliteStore":
        """The store of a world, with the rows stored in it, or `anew` with none."""
        if key not in self._numbers:
            # Never the number of another world, whose rows may not be deleted yet.
            self._last = self._numbers[key] = self._last + 1
        store = SqliteStore(self, self._numbers[key], key, world)
        if anew:
            self._wipe(store.number)
            store.mark_dirty()
        else:
            with self._readable():
                store.load(self._base)
        return store

    def forget(self, key: str) -> None:
        """Delete a world that was evicted."""
        if (number := self._numbers.pop(key, None)) is not None:
            self._wipe(number)

    def change(self, world: int, row: str | int, statement: str, *values: object) -> None:
        """Write a row with the next commit, unless a later change of the same row replaces this one."""
        self._changes[world, row] = statement, (world, row, *values)

    def _wipe(self, number: int) -> None:
        self._dirty.pop(number, None)
        for key in [key for key in self._changes if key[0] == number]:
            del self._changes[key]
        self._wiped.add(number)

    def mark_dirty(self, store: "SqliteStore") -> None:
        self._dirty[store.number] = store

    def commit(self) -> None:
        """Write all changes so far, or raise `StorageError` and keep them for the next commit."""
        if not self._dirty and not self._changes and not self._wiped and not self.failure:
            return
        try:
            self._write()
        except (sqlite3.Error, OverflowError) as error:
            with suppress(sqlite3.Error):
                self._base.execute("ROLLBACK")
            if not self.failure:
                log.error("cannot write the state to %s: %s; requests fail until it can be written", self.path, error)
            self.failure = f"the emulator cannot write its state: {error}"
            raise StorageError(self.failure) from None
        if self.failure:
            log.warning("the state can be written again")
            self.failure = ""
        for store in self._dirty.values():
            store.world.mark_saved()
        self._dirty.clear()
        self._changes.clear()
        self._wiped.clear()

    def _write(self) -> None:
        if not self._place.is_unchanged():
            raise sqlite3.OperationalError("its files were deleted, or replaced by others")
        run = self._base.execute
        run("BEGIN")
        for number in self._wiped:
            for statement in _WIPE:
                run(statement, (number,))
        for number, store in self._dirty.items():
            record = msgspec.msgpack.encode(store.world.save())
            run(_PUT_WORLD, (number, store.key, record, checksum(number, store.key, 0, record)))
        for statement, values in self._changes.values():
            run(statement, values)
        if self.failure:  # Where nothing has changed, something is written nevertheless, to see whether that works.
            run(f"PRAGMA user_version = {FORMAT}")
        run("COMMIT")

    def roll_back(self) -> None:
        """Undo all changes that are not stored, by reading their worlds from the file again."""
        worlds = {number: store.world for number, store in self._dirty.items()}
        try:
            saved = self._saved(worlds)
        except (sqlite3.Error, msgspec.DecodeError) as error:
            log.error("cannot read the state in %s: %s; what cannot be written stays in memory", self.path, error)
            return
        self.rollbacks += 1
        kept = set(self._numbers.values())
        self._dirty.clear()
        self._changes.clear()
        self._wiped -= kept
        for number, world in worlds.items():
            world.roll_back(saved.get(number))

    def _saved(self, numbers: Iterable[int]) -> dict[int, SavedWorld]:
        """The worlds with these numbers, as they are stored."""
        select = "SELECT record FROM world WHERE id = ?"
        rows = [(number, self._base.execute(select, (number,)).fetchone()) for number in numbers]
        return {number: msgspec.msgpack.decode(row[0], type=SavedWorld) for number, row in rows if row is not None}

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise StorageError(
                f"cannot read the state in {self.path}: {error}; move it away to start with an empty state"
            ) from None

    def close(self) -> None:
        try:
            self.commit()
        finally:
            self._base.close()


class SqliteStore(MemoryStore):
    """A store that reads from memory, and writes to the file as well."""

    def __init__(self, backend: SqliteBackend, number: int, key: str, world: Saved) -> None:
        super().__init__()
        self.number = number
        self.key = key
        self.world = world
        self._backend = backend
        self._unfinished: list[str] = []

    def load(self, base: sqlite3.Connection) -> None:
        """Raises `sqlite3.Error` and `msgspec.DecodeError`."""
        tasks = "SELECT id, record, ended FROM task WHERE world = ? ORDER BY rowid"
        for name, record, ended in base.execute(tasks, (self.number,)):
            decode_task(record)
            self._tasks[name] = record
            if not ended:
                self._unfinished.append(name)
        deliveries = "SELECT number, record FROM delivery WHERE world = ? ORDER BY number"
        for number, record in base.execute(deliveries, (self.number,)):
            decode_delivery(record)
            self._deliveries[number] = record

    def unfinished(self) -> list[str]:
        return self._unfinished

    def mark_dirty(self) -> None:
        self._backend.mark_dirty(self)

    def add(self, task_id: str, task: Task) -> None:
        super().add(task_id, task)
        self._put_task(task_id, ended=False)

    def close(self, task_id: str) -> None:
        self._put_task(task_id, ended=True)

    def drop(self, task_ids: Collection[str]) -> None:
        super().drop(task_ids)
        for task_id in task_ids:
            self._change(task_id, _DROP_TASK)

    def put_delivery(self, number: int, delivery: Delivery) -> None:
        super().put_delivery(number, delivery)
        record = self._deliveries[number]
        self._change(number, _PUT_DELIVERY, record, checksum(self.number, number, 0, record))

    def drop_delivery(self, number: int) -> None:
        super().drop_delivery(number)
        self._change(number, _DROP_DELIVERY)

    def _put_task(self, task_id: str, *, ended: bool) -> None:
        record = self._tasks[task_id]
        self._change(task_id, _PUT_TASK, record, ended, checksum(self.number, task_id, ended, record))

    def _change(self, row: str | int, statement: str, *values: object) -> None:
        self._backend.change(self.number, row, statement, *values)
        self._backend.mark_dirty(self)
