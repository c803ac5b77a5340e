"""Damaged state files: what can be believed is served, what cannot is named and set aside, and nothing answers 500."""

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from evolink_mock import InProcessTransport, StorageError, create_app
from evolink_mock.worlds.storage.state_file import FILE
from tests.support.emulator import DOCUMENTED, Emulator, settings

KEYS = ("sk-first", "sk-second", "sk-third")
CALLBACK = {"callback_url": "https://app.example.com/hook"}
PATHS = ("clock", "credits", "deliveries", "events", "journal", "scenarios", "tasks", "worlds")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state with a few worlds, in which tasks have ended and others have not."""
    home = tmp_path_factory.mktemp("healthy")
    with opened(home) as emulator:
        for key in KEYS:
            one = emulator.as_key(key)
            for number in range(15):
                one.create(prompt=f"{number} cats" * 20, **CALLBACK)
            one.advance("12s")
            one.create(**CALLBACK)
            one.control("scenarios", {"scenario": "fail=service_error"})
    return home


def opened(home: Path) -> Emulator:
    app = create_app(settings(state=str(home), forward_to="http://127.0.0.1:9"))
    return Emulator(httpx.Client(transport=InProcessTransport(app), base_url="http://emulator.test"))


def copied(healthy: Path, place: Path) -> Path:
    shutil.copytree(healthy, place)
    return place / FILE


def statuses(emulator: Emulator) -> Iterator[int]:
    """The statuses of every kind of call, for every key."""
    for key in KEYS:
        one = emulator.as_key(key)
        yield one.request("GET", "/v1/credits").status_code
        yield from (one.request("GET", f"/__mock/{path}").status_code for path in PATHS if path != "credits")
        rows = one.request("GET", "/__mock/tasks").json().get("tasks", [])
        for row in rows[:3]:
            yield one.query(row["id"]).status_code
            yield one.request("GET", f"/__mock/tasks/{row['id']}").status_code
        yield one.post(DOCUMENTED | CALLBACK).status_code
        yield one.request("POST", "/__mock/clock", json={"advance": "1h"}).status_code
        yield one.request("GET", "/__mock/deliveries?limit=1000").status_code


@pytest.mark.parametrize("rounds", [25, pytest.param(300, marks=pytest.mark.slow)])
def test_flipped_bytes_are_served_or_refused_in_a_sentence_and_never_answered_500(
    healthy: Path, tmp_path: Path, rounds: int
) -> None:
    luck = random.Random(rounds)
    served = refused = 0
    for number in range(rounds):
        file = copied(healthy, tmp_path / str(number))
        content = bytearray(file.read_bytes())
        for _ in range(luck.choice((1, 1, 4, 32))):
            content[luck.randrange(len(content))] ^= 1 << luck.randrange(8)
        file.write_bytes(content)
        try:
            emulator = opened(file.parent)
        except StorageError:  # Any other exception is no sentence.
            refused += 1
            continue
        served += 1
        with emulator:
            found = list(statuses(emulator))
        assert max(found) < 500, (number, found)
    assert served > refused


def _flip_task(base: sqlite3.Connection) -> None:
    base.execute("UPDATE task SET record = x'00' WHERE rowid = 2")


def _flip_end(base: sqlite3.Connection) -> None:
    base.execute("UPDATE task SET ended = 1 - ended WHERE rowid = 2")


def _flip_delivery(base: sqlite3.Connection) -> None:
    base.execute("UPDATE delivery SET record = x'c1' WHERE world = 1 AND number = 2")


def _flip_text(base: sqlite3.Connection) -> None:
    base.execute("UPDATE task SET id = CAST(x'ff00fe' AS TEXT) WHERE rowid = 2")


@pytest.mark.parametrize(
    ("act", "kind", "left"),
    [(_flip_task, "task", 15), (_flip_end, "task", 15), (_flip_text, "task", 15), (_flip_delivery, "delivery", 16)],
)
def test_a_damaged_row_is_named_and_set_aside_and_the_rest_is_served(
    healthy: Path,
    tmp_path: Path,
    act: Callable[[sqlite3.Connection], None],
    kind: str,
    left: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = copied(healthy, tmp_path / "state")
    with closing(sqlite3.connect(file)) as base:
        act(base)
        base.commit()
    with opened(file.parent) as emulator:
        assert len(emulator.as_key(KEYS[0]).control("tasks")["tasks"]) == left
        assert len(emulator.as_key(KEYS[1]).control("tasks")["tasks"]) == 16
        assert max(statuses(emulator)) < 500
    assert f"set aside in its table damaged, and not served: {kind}" in caplog.text
    with closing(sqlite3.connect(file)) as base:
        assert base.execute("SELECT kind, world FROM damaged").fetchall() == [(kind, 1)]


def test_a_damaged_world_is_set_aside_with_its_rows(
    healthy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = copied(healthy, tmp_path / "state")
    with closing(sqlite3.connect(file)) as base:
        base.execute("UPDATE world SET record = x'c1' WHERE id = 1")
        base.commit()
    with opened(file.parent) as emulator:
        assert emulator.as_key(KEYS[0]).control("tasks")["tasks"] == []
        assert len(emulator.as_key(KEYS[1]).control("tasks")["tasks"]) == 16
    assert "not served: the world of 'sk-" in caplog.text
    assert KEYS[0] not in caplog.text


def test_a_damaged_page_is_set_aside_with_the_file_and_the_rest_is_served(
    healthy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = copied(healthy, tmp_path / "state")
    with closing(sqlite3.connect(file)) as base:
        (page,) = base.execute(
            "SELECT pageno FROM dbstat WHERE name = 'task' AND pagetype = 'leaf' LIMIT 1 OFFSET 1"
        ).fetchone()
        (size,) = base.execute("PRAGMA page_size").fetchone()
    content = bytearray(file.read_bytes())
    content[(page - 1) * size : (page - 1) * size + 64] = b"\xff" * 64
    file.write_bytes(content)
    with opened(file.parent) as emulator:
        tasks = [len(emulator.as_key(key).control("tasks")["tasks"]) for key in KEYS]
        assert 0 < sum(tasks) < 48
        assert max(statuses(emulator)) < 500
    assert "is kept as" in caplog.text
    assert file.with_suffix(".damaged-1").read_bytes()[: len(content)]
    assert file.with_suffix(".damaged-1").stat().st_mode & 0o777 == 0o600


def test_a_state_without_checksums_is_read(healthy: Path, tmp_path: Path) -> None:
    """As version 3 of the format had it."""
    file = copied(healthy, tmp_path / "state")
    with closing(sqlite3.connect(file)) as base:
        for table in ("world", "task", "delivery"):
            base.execute(f"ALTER TABLE {table} DROP COLUMN sum")
        base.execute("PRAGMA user_version = 3")
        base.commit()
    for _ in range(2):
        with opened(file.parent) as emulator:
            assert [len(emulator.as_key(key).control("tasks")["tasks"]) for key in KEYS] == [16, 16, 16]
    with closing(sqlite3.connect(file)) as base:
        assert base.execute("PRAGMA user_version").fetchone() == (4,)
        assert base.execute("SELECT count(*) FROM task WHERE sum = 0").fetchone() == (0,)
