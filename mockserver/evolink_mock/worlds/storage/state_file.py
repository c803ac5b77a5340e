"""State file: opened for this process alone, brought to the present format, and checked before anything is served."""

import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from evolink_mock.worlds.storage.checked_rows import (
    DELIVERY,
    FORMAT,
    TABLES,
    TASK,
    WITHOUT_CHECKSUMS,
    WORLD,
    Row,
    Table,
    add_checksums,
    is_whole,
    set_damaged_aside,
)
from evolink_mock.worlds.store import StorageError

log = logging.getLogger("evolink_mock")

FILE = "evolink-mock.sqlite3"
_HINT = "choose another directory, or move it away to start with an empty state"


class StatePlace:
    """The place of an open state: what is written to files that have no name any more is lost with the process."""

    def __init__(self, path: Path) -> None:
        self._paths = (str(path), f"{path}-wal")
        self._opened = self._numbers()

    def is_unchanged(self) -> bool:
        """Whether the files there are those that were opened."""
        return self._numbers() == self._opened

    def _numbers(self) -> tuple[int, ...] | None:
        try:
            return tuple([os.stat(path).st_ino for path in self._paths])  # noqa: PTH116  # Each commit passes here.
        except OSError:
            return None


def open_state(directory: Path) -> sqlite3.Connection:
    """The state in a directory, without what in it is damaged. Raises `StorageError`."""
    path = directory / FILE
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        # It holds API keys, whose worlds must be found again.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
        base = _connect(path)
        if (reason := _damage(base)) is not None:
            base = _rebuild(base, path, reason)
        _bring_to_format(base)
        if lost := set_damaged_aside(base):
            log.warning("the state in %s is damaged: set aside in its table damaged, and not served: %s", path, lost)
        return base
    except OSError as error:
        raise StorageError(f"cannot keep the state in {directory}: {error.strerror}") from None
    except (sqlite3.Error, UnicodeError) as error:  # SQLite quotes damaged text.
        hint = (
            "is another emulator using it?"
            if "locked" in str(error)
            else "choose another directory, or move it away to start with an empty state"
        )
        raise StorageError(f"cannot use the state in {path}: {error}; {hint}") from None


def _connect(path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
    # A damaged text is found by its checksum, and must be readable until then.
    base.text_factory = lambda text: text.decode(errors="surrogateescape")
    base.execute("PRAGMA locking_mode = EXCLUSIVE")
    (version,) = base.execute("PRAGMA user_version").fetchone()
    if version not in (0, WITHOUT_CHECKSUMS, FORMAT):
        raise StorageError(
            f"the state in {path} has the format {version}, and this version needs {FORMAT}; move it away"
        )
    base.execute("PRAGMA journal_mode = WAL")
    # A transaction survives the process once it is written; only a machine that fails needs it flushed.
    base.execute("PRAGMA synchronous = NORMAL")
    base.execute("BEGIN IMMEDIATE")
    base.execute("COMMIT")
    return base


def _bring_to_format(base: sqlite3.Connection) -> None:
    (version,) = base.execute("PRAGMA user_version").fetchone()
    if version == FORMAT:
        return
    base.execute("BEGIN")
    if version == 0:
        for statement in TABLES.split(";"):
            base.execute(statement)
    else:
        add_checksums(base)
    base.execute(f"PRAGMA user_version = {FORMAT}")
    base.execute("COMMIT")


def _damage(base: sqlite3.Connection) -> str | None:
    """The first fault of the file's structure, if it has one."""
    try:
        (found,) = base.execute("PRAGMA integrity_check(1)").fetchone()
    except (sqlite3.Error, UnicodeError) as error:
        return str(error)
    return None if found == "ok" else str(found)


def _rebuild(base: sqlite3.Connection, path: Path, reason: str) -> sqlite3.Connection:
    """Replace a file whose structure is damaged by one of the rows that can be read; it is kept under another name."""
    tables = {table: _readable_rows(base, table) for table in (WORLD, TASK, DELIVERY)}
    if not tables[WORLD]:
        raise StorageError(f"cannot read the state in {path}: {reason}; {_HINT}")
    with suppress(sqlite3.Error):
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with closing(sqlite3.connect(new, isolation_level=None)) as fresh:
        new.chmod(0o600)
        _write(fresh, tables)
    damaged = next(place for number in range(1, 1000) if not (place := path.with_suffix(f".damaged-{number}")).exists())
    shutil.copyfile(path, damaged)
    damaged.chmod(0o600)
    base.close()
    for journal in ("-wal", "-shm"):
        path.with_name(path.name + journal).unlink(missing_ok=True)
    new.replace(path)
    log.warning(
        "the state in %s is damaged (%s): %d worlds, %d tasks and %d deliveries of it can be read and are served; "
        "the file as it was is kept as %s",
        path,
        reason.splitlines()[-1],
        *map(len, tables.values()),
        damaged.name,
    )
    return _connect(path)


def _readable_rows(base: sqlite3.Connection, table: Table) -> list[Row]:
    """The rows before the first that cannot be read, and those after the last."""
    before = list(_until_unreadable(base, table.select))
    names = {row[:2] for row in before}
    after = [row for row in _until_unreadable(base, table.backwards) if row[:2] not in names]
    return [row for row in (*before, *reversed(after)) if is_whole(row)]


def _until_unreadable(base: sqlite3.Connection, select: str) -> Iterator[Row]:
    with suppress(sqlite3.Error, UnicodeError):
        yield from base.execute(select)


def _write(base: sqlite3.Connection, tables: dict[Table, list[Row]]) -> None:
    base.execute("BEGIN")
    for statement in TABLES.split(";"):
        base.execute(statement)
    for table, rows in tables.items():
        base.executemany(table.insert, rows)
    base.execute(f"PRAGMA user_version = {FORMAT}")
    base.execute("COMMIT")
