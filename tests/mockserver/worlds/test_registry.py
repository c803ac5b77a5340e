"""One world for each API key, separate from all others, and limited in number."""

import base64
import logging
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from evolink_mock import InProcessTransport
from evolink_mock.worlds import world as world_module
from evolink_mock.worlds.registry import WorldRegistry
from evolink_mock.worlds.world import World
from tests.support.emulator import DOCUMENTED, Emulator


def test_keys_see_only_their_own_tasks(emulator: Emulator) -> None:
    other = emulator.as_key("sk-other")
    mine, theirs = emulator.create(), other.create()
    emulator.advance("10s")
    assert mine != theirs
    assert emulator.query(theirs).status_code == other.query(mine).status_code == 403
    assert other.query(theirs).json()["status"] == "pending"
    assert [task["id"] for task in emulator.control("tasks")["tasks"]] == [mine]
    assert emulator.request("GET", f"/__mock/tasks/{theirs}").status_code == 404


def test_a_reset_clears_one_world_only(emulator: Emulator) -> None:
    other = emulator.as_key("sk-other")
    mine, theirs = emulator.create(), other.create()
    emulator.advance("5s")
    (world,) = emulator.control("worlds", {"reset": True})["worlds"]
    assert (world["tasks"], world["generation"], world["clock"]["now"]) == (0, 1, 1757169743.0)
    assert emulator.query(mine).status_code == 404
    assert other.query(theirs).status_code == 200
    assert [row["event"] for row in emulator.control("events")["rows"]] == ["world.reset"]


def test_after_a_reset_the_same_requests_get_the_same_ids(emulator: Emulator) -> None:
    first = [emulator.create() for _ in range(3)]
    emulator.control("worlds", {"reset": True})
    assert [emulator.create() for _ in range(3)] == first


def test_a_reseed_changes_later_draws_and_loses_no_task(emulator: Emulator) -> None:
    ids = {emulator.create()}
    for seed in (7, 0, 7, 0):
        emulator.control("worlds", {"seed": seed})
        ids |= {emulator.create(), emulator.create()}
    assert len(ids) == 9
    assert all(emulator.query(task).status_code == 200 for task in ids)


def test_all_worlds_are_listed_without_their_keys(emulator: Emulator) -> None:
    emulator.as_key("sk-a-very-secret-key").create()
    response = emulator.request("GET", "/__mock/worlds?all=true")
    assert [world["key"] for world in response.json()["worlds"]] == ["sk-a…key"]
    assert "very-secret" not in response.text


def test_worlds_are_limited_and_idle_ones_are_evicted_first() -> None:
    with Emulator.in_process(world_limit=3) as emulator:
        busy = emulator.as_key("sk-busy")
        task = busy.create()
        for number in range(10):
            emulator.as_key(f"sk-idle-{number}").request("GET", "/v1/credits")
        assert busy.query(task).status_code == 200
        health = emulator.client.get("/__mock/health").json()
        assert (health["worlds"], health["worlds_evicted"]) == (3, 8)


PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
HOLDING: dict[str, Callable[[Emulator], object]] = {
    "a task": lambda own: own.create(),
    "an ended task": lambda own: [own.create(), own.control("clock", {"advance": "1d"})],
    "a balance": lambda own: own.control("worlds", {"balance": 5}),
    "no limit of credits": lambda own: own.control("worlds", {"balance": None}),
    "a queued scenario": lambda own: own.control("scenarios", {"scenario": "create=rate_limited"}),
    "a default scenario": lambda own: own.control("scenarios/default", {"scenario": "create=rate_limited"}),
    "a clock that moved": lambda own: own.advance("1s"),
    "another clock": lambda own: own.control("clock", {"mode": "auto"}),
    "another seed": lambda own: own.control("worlds", {"seed": 7}),
    "a file": lambda own: own.request("POST", "/api/v1/files/upload/base64", json={"base64_data": PNG}),
}


@pytest.mark.parametrize("held", HOLDING)
def test_a_world_that_holds_anything_stays_and_a_new_key_is_refused(
    held: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "evolink_mock")
    with Emulator.in_process(world_limit=1, balance=20) as emulator:
        own, new = emulator.as_key("sk-of-the-owner"), emulator.as_key("sk-newcomer-1")
        HOLDING[held](own)
        before = own.control("worlds")
        for path in ("/v1/credits", "/v1/tasks/task-unified-1-a"):
            refused = new.request("GET", path)
            assert (refused.status_code, "world_limit" in refused.json()["error"]["message"]) == (429, True)
        refused = new.post(DOCUMENTED)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
        refused = new.request("GET", "/__mock/clock")
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "world_limit_reached")
        refused = new.request("GET", "/api/v1/files/list")
        assert (refused.status_code, refused.json()["code"]) == (429, 429)
        assert '{"reset": true}' in refused.json()["msg"]
        assert new.request("GET", "/v1/nothing").status_code == 404
        assert own.control("worlds") == before
        warned = [row.getMessage() for row in caplog.records if row.levelno == logging.WARNING]
        assert [line.partition(": This")[0] for line in warned if "world_limit" in line] == [
            "the key sk-n…-1 is refused"
        ]
        own.control("worlds", {"reset": True})
        assert new.request("GET", "/v1/credits").status_code == 200
        assert "the world of sk-o…ner has nothing, and makes room" in caplog.text


def test_charged_credits_are_not_forgotten_by_any_number_of_other_keys() -> None:
    with Emulator.in_process(world_limit=5, balance=20) as emulator:
        own = emulator.as_key("sk-spender-12")
        own.create()
        own.advance("1d")
        spent = own.control("worlds")["worlds"][0]["credits"]
        for number in range(20):
            emulator.as_key(f"sk-other-{number}").request("GET", "/v1/credits")
        assert own.control("worlds")["worlds"][0]["credits"] == spent
        assert own.post(DOCUMENTED).status_code == 402


@pytest.mark.parametrize("running", [{}, {"clock": "scaled", "speed": 7.0}, {"clock": "real"}], ids=str)
def test_worlds_that_hold_nothing_make_room_after_a_restart_too(tmp_path: Path, running: dict[str, Any]) -> None:
    for round_ in range(2):
        with Emulator.in_process(world_limit=3, state=str(tmp_path), **running) as emulator:
            for number in range(5):
                key = f"sk-{round_}-{number}"
                assert emulator.as_key(key).request("GET", "/v1/credits").status_code == 200
    with Emulator.in_process(world_limit=3, state=str(tmp_path), **running) as emulator:
        kept = [emulator.as_key(f"sk-1-{number}") for number in (2, 3, 4)]
        for own in kept:
            own.create()
    with Emulator.in_process(world_limit=3, state=str(tmp_path), **running) as emulator:
        assert emulator.as_key("sk-new").request("GET", "/v1/credits").status_code == 429


def test_request_ids_of_a_world_that_comes_back_are_others() -> None:
    with Emulator.in_process(world_limit=1) as emulator:
        ids = [emulator.as_key(key).request("GET", "/v1/credits").headers["x-request-id"] for key in "ababab"]
        assert len(set(ids)) == len(ids)


def test_an_unknown_id_is_looked_up_without_visiting_the_worlds(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = emulator.as_key("sk-other").create()
    upload = (
        emulator.as_key("sk-other").request("POST", "/api/v1/files/upload/base64", json={"base64_data": PNG}).json()
    )
    emulator.request("GET", "/v1/credits")
    world = emulator.as_key("sk-other").control("clock")["world"]

    def visited(_: WorldRegistry) -> Iterator[World]:
        raise AssertionError

    monkeypatch.setattr(WorldRegistry, "__iter__", visited)
    assert emulator.query(theirs).status_code == 403
    assert emulator.query("task-unified-1-unknown").status_code == 404
    assert emulator.client.get(f"/api/v1/files/download/{upload['data']['file_id']}").status_code == 200
    assert emulator.client.get("/api/v1/files/download/file_unknown").status_code == 404
    assert emulator.client.get(f"/__mock/clock?world={world}").status_code == 200
    assert emulator.client.get("/__mock/clock?world=00000000").status_code == 404


def test_the_index_of_owners_holds_what_the_worlds_hold(tmp_path: Path) -> None:
    def owners(emulator: Emulator) -> dict[str, str]:
        transport = emulator.client._transport
        assert isinstance(transport, InProcessTransport)
        return transport._asgi.app.worlds.anonymous.config.owners  # type: ignore[no-any-return, attr-defined]

    with Emulator.in_process(state=str(tmp_path), task_limit=3, task_retention=3600) as emulator:
        tasks = [emulator.create(), emulator.as_key("sk-other").create()]
        assert owners(emulator) == dict(zip(tasks, ["sk-local", "sk-other"], strict=True))
        emulator.control("worlds", {"reset": True})
        assert list(owners(emulator)) == tasks[1:]
        for _ in range(5):
            emulator.create()
            emulator.advance("2h")
        held = [row["id"] for row in emulator.control("tasks?all=true")["tasks"]]
    with Emulator.in_process(state=str(tmp_path)) as emulator:
        assert sorted(owners(emulator)) == sorted(held)


def test_request_ids_come_once_though_the_process_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world_module, "_SAVED_AFTER", 7)
    monkeypatch.setattr(world_module, "_UNSAVED_REQUESTS", 16)
    seen: list[str] = []
    for round_ in range(3):
        state = tmp_path / str(round_)
        with Emulator.in_process(state=str(state)) as emulator:
            emulator.create()
            seen += [emulator.query("task-unified-1-a").headers["x-request-id"] for _ in range(100)]
            shutil.copytree(state, tmp_path / str(round_ + 1))
    assert len(set(seen)) == len(seen)


def test_tasks_of_a_key_are_limited() -> None:
    with Emulator.in_process(task_limit=2) as emulator:
        tasks = [emulator.create(), emulator.create()]
        refused = emulator.post(DOCUMENTED)
        assert refused.status_code == 429
        assert "task_limit" in refused.json()["error"]["message"]
        assert all(emulator.query(task).status_code == 200 for task in tasks)


def test_concurrent_keys_never_mix(emulator: Emulator) -> None:
    def live(number: int) -> bool:
        own = emulator.as_key(f"sk-parallel-{number}")
        tasks = [own.create() for _ in range(5)]
        own.advance(f"{number}s")
        listed = {task["id"] for task in own.control("tasks")["tasks"]}
        return listed == set(tasks) and own.control("clock")["now"] == 1757169743.0 + number

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(live, range(32)))


def test_resets_of_one_world_do_not_disturb_another(emulator: Emulator) -> None:
    steady, restless = emulator.as_key("sk-steady"), emulator.as_key("sk-restless")
    tasks = []
    for _ in range(20):
        tasks.append(steady.create())
        restless.create()
        restless.control("worlds", {"reset": True})
    assert all(steady.query(task).status_code == 200 for task in tasks)


def test_changes_to_worlds_are_validated(emulator: Emulator) -> None:
    changes: list[object] = [{}, {"reset": False}, {"seed": -1}, {"seed": 2**63}, {"seed": "7"}, {"rest": True}, []]
    for change in changes:
        assert emulator.request("POST", "/__mock/worlds", json=change).status_code == 400
