"""Worlds on disk, so that a kill at any moment loses none: one SQLite file in the directory of `--state`.

Every change goes into an open transaction, which ends before anybody outside can see what came of it: before an answer
leaves, and as soon as the outcome of an attempt is known. So the file holds what was said, and never half of a step.
"""

import os
import sqlite3
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import msgspec

from evolink_mock.core.deliveries import Delivery
from evolink_mock.core.task import Task, Units
from evolink_mock.store import MemoryStore, Saved, Unusable

FILE = "evolink-mock.sqlite3"
_FORM = 1
"""Of the tables and the records in them; a file of another form is refused."""
_TABLES = """
CREATE TABLE world (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, record BLOB NOT NULL);
CREATE TABLE task (
    world INTEGER NOT NULL, id TEXT NOT NULL, record BLOB NOT NULL, ended INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (world, id)
);
CREATE TABLE delivery (
    world INTEGER NOT NULL, number INTEGER NOT NULL, record BLOB NOT NULL, PRIMARY KEY (world, number)
) WITHOUT ROWID;
"""
_FORGET = (
    "DELETE FROM task WHERE world = ?",
    "DELETE FROM delivery WHERE world = ?",
    "DELETE FROM world WHERE id = ?",
)


class State:
    """The file, opened by this process alone. Raises `Unusable`."""

    def __init__(self, directory: Path) -> None:
        self._touched: dict[str, DurableStore] = {}
        self.path = directory / FILE
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            # It holds API keys, whose worlds must be found again.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self._base = sqlite3.connect(self.path, isolation_level=None, timeout=0, check_same_thread=False)
            self._prepare()
        except OSError as error:
            raise Unusable(f"cannot keep the state in {directory}: {error.strerror}") from None
        except sqlite3.Error as error:
            hint = "is another emulator using it?" if "locked" in str(error) else "choose another directory"
            raise Unusable(f"cannot use the state in {self.path}: {error}; {hint}") from None

    def _prepare(self) -> None:
        run = self._base.execute
        run("PRAGMA locking_mode = EXCLUSIVE")
        (form,) = run("PRAGMA user_version").fetchone()
        if form not in (0, _FORM):
            raise Unusable(f"the state in {self.path} is of form {form}, and this version reads {_FORM}; move it away")
        run("PRAGMA journal_mode = WAL")
        # A transaction outlives the process as soon as it is written; only a machine that fails needs it flushed.
        run("PRAGMA synchronous = NORMAL")
        if form == 0:
            self._base.executescript(f"BEGIN;{_TABLES}PRAGMA user_version = {_FORM};COMMIT;")
        run("BEGIN IMMEDIATE")
        run("COMMIT")

    def worlds(self) -> Iterator[tuple[str, Saved]]:
        """Every world that is kept, in the order of their first use."""
        for key, record in self._base.execute("SELECT key, record FROM world ORDER BY id").fetchall():
            yield key, msgspec.msgpack.decode(record, type=Saved)

    def store(self, key: str, balance: Units | None, save: Callable[[], Saved], *, anew: bool) -> "DurableStore":
        """The store of a world, with what is kept in it, or `anew` with nothing."""
        self.run("INSERT INTO world (key, record) VALUES (?, x'') ON CONFLICT (key) DO NOTHING", (key,))
        (number,) = self._base.execute("SELECT id FROM world WHERE key = ?", (key,)).fetchone()
        store = DurableStore(self, number, key, balance, save)
        if anew:
            for statement in _FORGET[:2]:
                self.run(statement, (number,))
            store.touch()
        else:
            store.load(self._base)
        return store

    def forget(self, key: str) -> None:
        """Of a world that was evicted."""
        self._touched.pop(key, None)
        row = self._base.execute("SELECT id FROM world WHERE key = ?", (key,)).fetchone()
        if row is not None:
            for statement in _FORGET:
                self.run(statement, row)

    def run(self, statement: str, values: tuple[object, ...]) -> None:
        if not self._base.in_transaction:
            self._base.execute("BEGIN")
        self._base.execute(statement, values)

    def touch(self, store: "DurableStore") -> None:
        self._touched[store.key] = store

    def commit(self) -> None:
        """Make everything last that was changed so far."""
        for store in self._touched.values():
            record = msgspec.msgpack.encode(store.save())
            self.run("UPDATE world SET record = ? WHERE id = ?", (record, store.number))
        self._touched.clear()
        if self._base.in_transaction:
            self._base.execute("COMMIT")

    def close(self) -> None:
        self.commit()
        self._base.close()


class DurableStore(MemoryStore):
    """A store that reads from memory, and writes to the file as well."""

    def __init__(self, state: State, number: int, key: str, balance: Units | None, save: Callable[[], Saved]) -> None:
        super().__init__(balance)
        self.number = number
        self.key = key
        self.save = save
        self._state = state
        self._unfinished: list[str] = []

    def load(self, base: sqlite3.Connection) -> None:
        tasks = "SELECT id, record, ended FROM task WHERE world = ? ORDER BY rowid"
        for name, record, ended in base.execute(tasks, (self.number,)):
            self._tasks[name] = record
            if not ended:
                self._unfinished.append(name)
        deliveries = "SELECT number, record FROM delivery WHERE world = ? ORDER BY number"
        self._deliveries = dict(base.execute(deliveries, (self.number,)))

    def unfinished(self) -> list[str]:
        return self._unfinished

    def touch(self) -> None:
        self._state.touch(self)

    def add(self, task_id: str, task: Task) -> None:
        super().add(task_id, task)
        self._write(
            "INSERT INTO task (world, id, record) VALUES (?, ?, ?) "
            "ON CONFLICT (world, id) DO UPDATE SET record = excluded.record",
            task_id,
            self._tasks[task_id],
        )

    def close(self, task_id: str) -> None:
        self._write("UPDATE task SET ended = 1 WHERE world = ? AND id = ?", task_id)

    def drop(self, task_ids: Collection[str]) -> None:
        super().drop(task_ids)
        for task_id in task_ids:
            self._write("DELETE FROM task WHERE world = ? AND id = ?", task_id)

    def put_delivery(self, number: int, delivery: Delivery) -> None:
        super().put_delivery(number, delivery)
        self._write("INSERT OR REPLACE INTO delivery VALUES (?, ?, ?)", number, self._deliveries[number])

    def drop_delivery(self, number: int) -> None:
        super().drop_delivery(number)
        self._write("DELETE FROM delivery WHERE world = ? AND number = ?", number)

    def _write(self, statement: str, *values: object) -> None:
        self._state.run(statement, (self.number, *values))
        self._state.touch(self)
