"""Lists about many worlds: rows are redacted by their own keys, others get turns meanwhile, no row breaks a list."""

import asyncio
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest

from evolink_mock import create_app
from evolink_mock.control.redacted_rows import RowWriter, redact_large, show_rows
from evolink_mock.control.routes import Control
from evolink_mock.core.redaction import redact_in_steps
from evolink_mock.worlds.world import World
from tests.support.emulator import Emulator, settings

KEYS = [f"sk-rows-of-a-key-{number:02}" for number in range(12)]
LISTS = ("worlds", "clock", "statistics", "events", "journal", "tasks", "deliveries", "inbox", "scenarios")


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """Each key's world has its key in a prompt, in a scenario and in a query, plain and escaped."""
    with Emulator.in_process() as emulator:
        for key in KEYS:
            own = emulator.as_key(key)
            own.control("scenarios", {"scenario": f"fail=service_error; message={key}", "times": 5})
            escaped = json.dumps(key).replace("s", "\\u0073")
            own.create(prompt=f"{key} and {escaped}", callback_url=f"https://sink.mock/200?key={key}")
            own.request("GET", f"/v1/credits?secret={key}")
            own.advance("20s")
        yield emulator


@pytest.mark.parametrize("path", LISTS)
def test_a_list_of_all_worlds_has_a_row_of_each_and_no_key(emulator: Emulator, path: str) -> None:
    answer = emulator.request("GET", f"/__mock/{path}?all=true")
    assert answer.status_code == 200
    assert not any(key in answer.text for key in KEYS)
    (rows,) = (value for value in answer.json().values() if isinstance(value, list))
    assert len(rows) >= len(KEYS)
    if path != "scenarios":
        assert {row["world"] for row in rows} >= {emulator.as_key(key).control("clock")["world"] for key in KEYS}


@pytest.mark.parametrize("path", ["", "/explain"])
def test_one_task_of_any_world_is_shown_without_its_key(emulator: Emulator, path: str) -> None:
    for task in emulator.control("tasks?all=true")["tasks"]:
        answer = emulator.request("GET", f"/__mock/tasks/{task['id']}{path}?all=true")
        assert answer.status_code == 200
        assert not any(key in answer.text for key in KEYS)


@pytest.mark.parametrize("path", LISTS)
def test_a_list_of_all_worlds_redacts_nothing_twice(
    emulator: Emulator, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work is that of the rows, and not the product of worlds and bytes."""
    redacted: list[int] = []

    def counted(text: bytes, key: str) -> Iterator[bytes | None]:
        redacted.append(len(text))
        return redact_in_steps(text, key)

    monkeypatch.setattr("evolink_mock.control.redacted_rows.redact_in_steps", counted)
    answer = emulator.request("GET", f"/__mock/{path}?all=true")
    # A key is longer than what takes its place.
    assert 0 < sum(redacted) <= 1.5 * len(answer.content)


@pytest.mark.parametrize(("path", "limit"), [("journal", 3), ("events", 30), ("tasks", 5), ("deliveries", 5)])
def test_the_last_rows_of_all_worlds_are_the_end_of_the_whole_list(emulator: Emulator, path: str, limit: int) -> None:
    def rows(limit: int) -> list[dict[str, Any]]:
        found = emulator.control(f"{path}?all=true&limit={limit}")
        return next(value for value in found.values() if isinstance(value, list))

    assert rows(limit) == rows(1000)[-limit:]
    assert rows(0) == []


@pytest.mark.parametrize("path", ["events", "journal", "inbox", "deliveries", "tasks"])
@pytest.mark.parametrize("more", ["", "&after=0", "&wait=5s", "&after=0&wait=5s"])
def test_a_limit_of_zero_lists_nothing_at_once(emulator: Emulator, path: str, more: str) -> None:
    if path == "tasks" and more:
        return
    answer = emulator.as_key(KEYS[0]).request("GET", f"/__mock/{path}?limit=0{more}")
    assert answer.status_code == 200
    assert answer.json().get("rows", answer.json().get(path)) == []


def of_new_world(work: Callable[[World], Any]) -> Any:
    async def run() -> Any:
        return await work(create_app(settings()).worlds.get_or_create("sk-test-1234"))

    return asyncio.run(run())


def test_a_row_that_cannot_be_shown_says_so_and_the_others_are_shown(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> object:
        raise RecursionError("too deep")

    async def work(world: World) -> Any:
        return [json.loads(bytes(row)) for row in await show_rows([(world, fails), (world, lambda: {"number": 2})])]

    failed, shown = of_new_world(work)
    assert failed["error"].startswith("this row cannot be shown (RecursionError)")
    assert (failed["key"], shown) == ("sk-t…34", {"number": 2})
    assert "a row of a list cannot be shown" in caplog.text


def turns_during(work: Callable[[World], Any]) -> int:
    """Turns that another coroutine gets while some work is done."""

    async def run(world: World) -> int:
        turns = 0
        task = asyncio.ensure_future(work(world))
        while not task.done():
            turns += 1
            await asyncio.sleep(0)
        await task
        return turns

    return int(of_new_world(run))


def test_others_get_a_turn_between_the_rows_of_a_long_list() -> None:
    async def work(world: World) -> None:
        writer = RowWriter()
        for _ in range(100):
            await writer.add(world, partial(dict, text="x" * 10_000))

    assert turns_during(work) >= 10


@pytest.mark.parametrize("part", ["\\u0001", "\\\\", "%41", "\\u0073k-test-1234 ", "sk-test-1234\\n"])
def test_others_get_a_turn_while_a_large_text_is_redacted(part: str) -> None:
    text = (part + "x") * (100_000 // len(part)) + "\\u0073k-test-1234"

    async def work(world: World) -> None:
        assert "k-test-1234" not in (await redact_large(text.encode(), world.key)).decode()

    assert turns_during(work) >= 4


def test_every_call_of_the_table_that_lists_is_tried_here() -> None:
    app = create_app(settings())
    assert isinstance(app.control, Control)
    listing = {call.path[1:] for call in app.control.table() if call.method == "GET" and call.of_world}
    assert {path for path in listing if "{" not in path} == set(LISTS)


@pytest.mark.parametrize(
    "path",
    ["/v1/{}", "/v1/nothing?q={}", "/files/{}/a/b", "/media/{}/x.mp4", "/api/v1/files/download/{}", "/v1/tasks/{}"],
)
@pytest.mark.parametrize("key", ["team-alpha-passphrase", "invalid-passphrase", "pass%word=of+a~team"])
def test_a_request_that_belongs_to_no_world_is_shown_without_the_key_that_it_sent(path: str, key: str) -> None:
    with Emulator.in_process() as emulator:
        emulator.as_key(key).request("GET", path.format(key), headers={"x-custom": quote(key)})
        emulator.as_key(key).request("POST", path.format(key), json={"prompt": f"{key} {'x' * 5000}"})
        shown = emulator.request("GET", "/__mock/journal?all=true").text
        assert shown.count('"number"') == 2
        assert key not in shown
        assert quote(key) not in shown
        assert json.dumps(key)[1:-1] not in shown
