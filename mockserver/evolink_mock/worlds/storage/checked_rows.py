"""Checked rows of the state file: their tables and checksums, and the rows that are set aside as damaged."""

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias
from zlib import crc32

import msgspec

from evolink_mock.core.redaction import masked_key
from evolink_mock.worlds.snapshot import SavedWorld
from evolink_mock.worlds.store import decode_delivery, decode_task

FORMAT = 4
"""Version of the tables and the records in them."""
WITHOUT_CHECKSUMS = 3
"""The format before, which is read and brought to this one."""
TABLES = """
CREATE TABLE world (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, record BLOB NOT NULL, sum INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE task (
    world INTEGER NOT NULL, id TEXT NOT NULL, record BLOB NOT NULL, ended INTEGER NOT NULL DEFAULT 0,
    sum INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (world, id)
);
CREATE TABLE delivery (
    world INTEGER NOT NULL, number INTEGER NOT NULL, record BLOB NOT NULL, sum INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (world, number)
) WITHOUT ROWID;
"""
_SET_ASIDE = "CREATE TABLE IF NOT EXISTS damaged (kind TEXT, world, name, record)"
_MOST_NAMED = 10


Row: TypeAlias = tuple[object, ...]
"""World, name of the row, a further number (0 where the table has none), record, checksum."""


class Table(NamedTuple):
    """A table, its columns of the world and of the row's name, and the statements that read and write its rows."""

    name: str
    world: str
    row: str
    select: str
    """The rows in the order of their creation."""
    backwards: str
    insert: str
    kept_of_damaged: str
    """The columns of a damaged row that are kept."""

    def where(self, row: Row) -> tuple[str, tuple[object, ...]]:
        """The condition that only this row meets, and its values."""
        # A damaged text may be none that can be encoded.
        names = [name.encode(errors="surrogateescape") if isinstance(name, str) else name for name in row[:2]]
        world, own = ("CAST(? AS TEXT)" if isinstance(name, str) else "?" for name in row[:2])
        return f"WHERE {self.world} IS {world} AND {self.row} IS {own}", tuple(names)


WORLD = Table(
    "world",
    "id",
    "key",
    "SELECT id, key, 0, record, sum FROM world ORDER BY id",
    "SELECT id, key, 0, record, sum FROM world ORDER BY id DESC",
    "INSERT OR IGNORE INTO world (id, key, record, sum) VALUES (?1, ?2, ?4, ?5)",
    "SELECT 'world', id, key, record FROM world",
)
TASK = Table(
    "task",
    "world",
    "id",
    "SELECT world, id, ended, record, sum FROM task ORDER BY rowid",
    "SELECT world, id, ended, record, sum FROM task ORDER BY rowid DESC",
    "INSERT OR IGNORE INTO task (world, id, ended, record, sum) VALUES (?1, ?2, ?3, ?4, ?5)",
    "SELECT 'task', world, id, record FROM task",
)
DELIVERY = Table(
    "delivery",
    "world",
    "number",
    "SELECT world, number, 0, record, sum FROM delivery ORDER BY world, number",
    "SELECT world, number, 0, record, sum FROM delivery ORDER BY world DESC, number DESC",
    "INSERT OR IGNORE INTO delivery (world, number, record, sum) VALUES (?1, ?2, ?4, ?5)",
    "SELECT 'delivery', world, number, record FROM delivery",
)


def checksum(world: int, name: str | int, extra: int, record: bytes) -> int:
    """CRC-32 of a row, of its names too, so that no record counts for another."""
    return crc32(record, crc32(f"{world} {name} {int(extra)}".encode(errors="surrogateescape")))


def is_whole(row: Row) -> bool:
    """Whether a row is as it was written."""
    world, name, extra, record, kept = row
    if not (isinstance(world, int) and isinstance(name, str | int) and isinstance(extra, int)):
        return False
    return isinstance(record, bytes) and kept == checksum(world, name, extra, record)


def add_checksums(base: sqlite3.Connection) -> None:
    """Bring the rows of the format before to this one; those that cannot be decoded get no valid checksum."""
    for table in (WORLD, TASK, DELIVERY):
        base.execute(f"ALTER TABLE {table.name} ADD COLUMN sum INTEGER NOT NULL DEFAULT 0")
        for row in base.execute(table.select).fetchall():
            world, name, extra, record, _ = row
            if _decodes(table, record):
                where, names = table.where(row)
                update = f"UPDATE {table.name} SET sum = ? {where}"  # noqa: S608
                base.execute(update, (checksum(world, name, extra, record), *names))


def _decodes(table: Table, record: object) -> bool:
    try:
        assert isinstance(record, bytes)
        if table is WORLD:
            msgspec.msgpack.decode(record, type=SavedWorld)
        else:
            (decode_task if table is TASK else decode_delivery)(record)
    except (msgspec.DecodeError, UnicodeDecodeError, AssertionError):
        return False
    return True


def set_damaged_aside(base: sqlite3.Connection) -> str:
    """Move the rows whose checksum is wrong to a table of their own, those of damaged worlds too; names them."""
    named = list(_set_aside(base))
    more = f", and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return ", ".join(named[:_MOST_NAMED]) + more


def _set_aside(base: sqlite3.Connection) -> Iterator[str]:
    keys: dict[object, object] = {}
    for table in (WORLD, TASK, DELIVERY):
        # A world without a row of its own has lost its key, seed and credits.
        damaged = [row for row in base.execute(table.select) if not is_whole(row) or (keys and row[0] not in keys)]
        if damaged:
            base.execute(_SET_ASIDE)
        for row in damaged:
            where, names = table.where(row)
            base.execute(f"INSERT INTO damaged {table.kept_of_damaged} {where}", names)
            base.execute(f"DELETE FROM {table.name} {where}", names)  # noqa: S608
            shown = masked_key(str(row[1])) if table is WORLD else row[1]
            yield f"{'the world of' if table is WORLD else table.name} {shown!a}"[:80]
        if table is WORLD:
            keys = dict(base.execute("SELECT id, key FROM world").fetchall())
