"""The stream of a world's lanes: everything once, nothing lost where it broke off, nothing for strangers."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from evolink_mock.control.timeline import MAX_READERS
from tests.support.emulator import DOCUMENTED, bearer
from tests.support.server_process import Server

STREAM = "/__mock/timeline"


class Following:
    """One reader of a stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()
        self.place = ""

    def message(self) -> tuple[str, Any]:
        """The next event and what it says."""
        found: dict[str, str] = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            if line and name:
                found[name] = value
            elif found:
                break
        self.place = found.get("id", self.place)
        return found["event"], json.loads(found["data"])

    def rest(self) -> list[str]:
        """What comes until the stream is closed, as it should be."""
        return [line for line in self._lines if line and not line.startswith(":")]

    def batch(self) -> list[dict[str, Any]]:
        """The lanes of all messages up to the clock's, which closes them."""
        lanes: list[dict[str, Any]] = []
        while True:
            event, data = self.message()
            if event == "clock":
                return lanes
            lanes += data if event == "lanes" else []


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--clock", "manual") as server:
        yield server


@contextmanager
def following(server: Server, key: str, place: str = "") -> Iterator[Following]:
    more = {"last-event-id": place} if place else {}
    with httpx.stream("GET", f"{server.url}{STREAM}", headers={**bearer(key), **more}, timeout=20) as response:
        yield Following(response)


def create(server: Server, key: str, **fields: Any) -> str:
    answer = httpx.post(f"{server.url}/v1/videos/generations", json={**DOCUMENTED, **fields}, headers=bearer(key))
    return str(answer.json()["id"])


def control(server: Server, key: str, path: str, change: object) -> None:
    assert httpx.post(f"{server.url}/__mock/{path}", json=change, headers=bearer(key)).status_code == 200


def test_a_task_is_told_of_as_it_lives(server: Server) -> None:
    key = "sk-lives"
    with following(server, key) as reader:
        assert reader.response.headers["content-type"] == "text/event-stream"
        assert reader.message() == ("begin", {"generation": 0, "tasks": 0, "key": "…"})
        event, clock = reader.message()
        assert (event, clock["mode"], clock["next_event"]) == ("clock", "manual", None)
        task = create(server, key, callback_url="https://sink.mock/500,200")
        (lane,) = reader.batch()
        assert (lane["id"], lane["status"], lane["reads"], lane["calls"]) == (task, "pending", [], [])
        assert lane["created"] < lane["starts"] < lane["ends"]
        httpx.get(f"{server.url}/v1/tasks/{task}", headers=bearer(key))
        (lane,) = reader.batch()
        assert lane["reads"] == [lane["created"]]
        control(server, key, "clock", {"advance": "60s"})
        lanes = [reader.batch()]
        while not lanes[-1] or [call["stage"] for call in lanes[-1][0]["calls"]] != ["delivered"]:
            lanes.append(reader.batch())
        lane = lanes[-1][0]
        assert (lane["status"], lane["ended"]) == ("completed", True)
        first, second = lane["calls"][0]["attempts"]
        assert (first["status"], second["status"]) == (500, 200)
        assert second["started"] - first["finished"] == 1


def test_whoever_comes_again_is_told_what_was_missed_and_nothing_else(server: Server) -> None:
    key = "sk-again"
    old = create(server, key)
    with following(server, key) as reader:
        assert [lane["id"] for lane in reader.batch()] == [old]
        place = reader.place
    missed = [create(server, key) for _ in range(3)]
    with following(server, key, place) as reader:
        assert sorted(lane["id"] for lane in reader.batch()) == sorted(missed)
        place = reader.place
    with following(server, key, place) as reader:
        assert reader.batch() == []
        late = create(server, key, callback_url="https://sink.mock/404")
        assert [lane["id"] for lane in reader.batch()] == [late]
        place = reader.place
    control(server, key, "clock", {"advance": "15s"})
    with following(server, key, place) as reader:
        assert late in [lane["id"] for lane in reader.batch()]


@pytest.mark.parametrize(
    "place", ["", "nonsense", "9.9.9.9", "0.0.0", "1.0.99999.0.0", "-1.0.0.0.0", f"1.0.0.0.{10**20}"]
)
def test_a_place_that_is_none_begins_anew(server: Server, place: str) -> None:
    key = "sk-anew"
    task = create(server, key)
    with following(server, key, place) as reader:
        assert reader.message()[0] == "begin"
        assert task in [lane["id"] for lane in reader.batch()]


def test_a_reset_begins_anew(server: Server) -> None:
    key = "sk-reset"
    create(server, key)
    with following(server, key) as reader:
        assert len(reader.batch()) == 1
        control(server, key, "worlds", {"reset": True})
        assert reader.message() == ("begin", {"generation": 1, "tasks": 0, "key": "…"})
        assert reader.message()[0] == "clock"


def test_a_place_of_another_process_begins_anew() -> None:
    with Server("--clock", "manual") as server:
        create(server, "sk-first")
        with following(server, "sk-first") as reader:
            assert len(reader.batch()) == 1
            place = reader.place
    with Server("--clock", "manual") as server:
        tasks = [create(server, "sk-first") for _ in range(3)]
        with following(server, "sk-first", place) as reader:
            assert reader.message()[0] == "begin"
            assert sorted(lane["id"] for lane in reader.batch()) == sorted(tasks)


def test_a_running_clock_that_jumps_is_told() -> None:
    with Server() as server, following(server, "sk-jump") as reader:
        assert reader.message()[0] == "begin"
        _, before = reader.message()
        control(server, "sk-jump", "clock", {"advance": "1h"})
        event, after = reader.message()
        assert event == "clock"
        assert after["now"] - before["now"] >= 3600


def test_keys_see_their_own_tasks_alone(server: Server) -> None:
    create(server, "sk-one")
    with following(server, "sk-two") as reader:
        assert reader.batch() == []
        create(server, "sk-one")
        own = create(server, "sk-two")
        assert [lane["id"] for lane in reader.batch()] == [own]


def test_strangers_and_pages_of_others_are_refused(server: Server) -> None:
    assert httpx.get(f"{server.url}{STREAM}").status_code == 401
    refused = httpx.post(f"{server.url}{STREAM}", headers=bearer())
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    foreign = {**bearer(), "origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert httpx.get(f"{server.url}{STREAM}", headers=foreign).status_code == 403


def test_beyond_loopback_its_own_page_knows_the_token() -> None:
    with Server("--host", "0.0.0.0", environ={"EVOLINK_MOCK_CONTROL_TOKEN": "open sesame"}) as server:
        own = {**bearer(), "host": f"192.168.1.5:{server.address[1]}", "sec-fetch-site": "same-origin"}
        own |= {"origin": f"http://192.168.1.5:{server.address[1]}"}
        url = f"http://127.0.0.1:{server.address[1]}/__mock/clock"
        token = {"x-mock-token": "open sesame"}
        assert httpx.post(url, json={"mode": "manual"}, headers={**own, **token}).status_code == 200
        for more in ({}, {"x-mock-token": "open"}, {**token, "origin": "http://evil.example"}):
            assert httpx.post(url, json={"mode": "manual"}, headers={**own, **more}).status_code in (401, 403)
        assert httpx.post(url, json={}, headers={**own, **token, "sec-fetch-site": "cross-site"}).status_code == 403


def test_two_thousand_lanes_come_in_parts_the_newest_first(server: Server) -> None:
    key = "sk-many"
    with httpx.Client(base_url=server.url, headers=bearer(key)) as client:
        for _ in range(2010):
            client.post("/v1/videos/generations", json=DOCUMENTED)
    with following(server, key) as reader:
        assert reader.message() == ("begin", {"generation": 0, "tasks": 2010, "key": "…"})
        lanes = reader.batch()
    assert len({lane["id"] for lane in lanes}) == len(lanes) == 2000


def test_a_world_that_is_given_up_ends_its_stream() -> None:
    with Server("--clock", "manual", "--set", "world_limit=1") as server, following(server, "sk-old") as reader:
        assert reader.batch() == []
        create(server, "sk-new")
        assert reader.rest() == []


def test_readers_are_counted(server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(MAX_READERS):
            stack.enter_context(following(server, "sk-crowd"))
        refused = httpx.get(f"{server.url}{STREAM}", headers=bearer("sk-crowd"))
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_readers")
    for _ in range(200):
        with httpx.stream("GET", f"{server.url}{STREAM}", headers=bearer("sk-crowd")) as again:
            if again.status_code == 200:
                return
    raise AssertionError("places are not free again")


def test_a_reader_does_not_keep_the_emulator_from_stopping() -> None:
    with Server("--clock", "manual") as server, following(server, "sk-stop") as reader:
        assert reader.batch() == []
        server.stop()
        assert reader.rest() == []


def test_the_page_is_whole_and_says_what_it_may_load(server: Server) -> None:
    page = httpx.get(f"{server.url}/__mock/ui")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
    assert "unsafe" not in policy
    for name, kind in (("app.js", "text/javascript"), ("style.css", "text/css")):
        part = httpx.get(f"{server.url}/__mock/ui/{name}")
        assert (part.status_code, part.headers["content-type"]) == (200, f"{kind}; charset=utf-8")
        assert part.headers["x-content-type-options"] == "nosniff"
    assert httpx.get(f"{server.url}/__mock/ui/").content == page.content
    assert 'src="/__mock/ui/app.js"' in page.text
    for name in ("nothing.js", "..%2fapp.py", "%2e%2e/app.py"):
        assert httpx.get(f"{server.url}/__mock/ui/{name}").status_code == 404
    assert httpx.post(f"{server.url}/__mock/ui").status_code == 405
    assert httpx.head(f"{server.url}/__mock/ui").content == b""
