"""The timeline stream: each change once, nothing lost by a broken connection, nothing for other keys."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from evolink_mock.control.timeline.stream import MAX_READERS
from evolink_mock.core.redaction import key_digest, masked_key
from tests.support.emulator import DOCUMENTED, bearer
from tests.support.server_process import Server

STREAM = "/__mock/timeline"


class Reader:
    """One reader of a stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()
        self.cursor = ""

    def message(self) -> tuple[str, Any]:
        """The next event and its data."""
        found: dict[str, str] = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            if line and name:
                found[name] = value
            elif found:
                break
        self.cursor = found.get("id", self.cursor)
        return found["event"], json.loads(found["data"])

    def rest(self) -> list[str]:
        """The remaining lines until the server closes the stream."""
        return [line for line in self._lines if line and not line.startswith(":")]

    def batch(self) -> list[dict[str, Any]]:
        """The rows of all messages up to the next clock message, which ends a batch."""
        rows: list[dict[str, Any]] = []
        while True:
            event, data = self.message()
            if event == "clock":
                return rows
            rows += data if event == "tasks" else []


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--clock", "manual") as server:
        yield server


@contextmanager
def following(server: Server, key: str, cursor: str = "") -> Iterator[Reader]:
    more = {"last-event-id": cursor} if cursor else {}
    with httpx.stream("GET", f"{server.url}{STREAM}", headers={**bearer(key), **more}, timeout=20) as response:
        yield Reader(response)


def identity(key: str) -> dict[str, str]:
    return {"key": masked_key(key), "world": key_digest(key)}


def create(server: Server, key: str, **fields: Any) -> str:
    answer = httpx.post(f"{server.url}/v1/videos/generations", json={**DOCUMENTED, **fields}, headers=bearer(key))
    return str(answer.json()["id"])


def control(server: Server, key: str, path: str, change: object) -> None:
    assert httpx.post(f"{server.url}/__mock/{path}", json=change, headers=bearer(key)).status_code == 200


def test_a_task_is_sent_again_with_each_change(server: Server) -> None:
    key = "sk-lives"
    with following(server, key) as reader:
        assert reader.response.headers["content-type"] == "text/event-stream"
        assert reader.message() == ("begin", {"generation": 0, "tasks": 0, **identity(key)})
        event, clock = reader.message()
        assert (event, clock["mode"], clock["next_event"]) == ("clock", "manual", None)
        task = create(server, key, callback_url="https://sink.mock/500,200")
        (row,) = reader.batch()
        assert (row["id"], row["status"], row["reads"], row["calls"]) == (task, "pending", [], [])
        assert row["created"] < row["starts"] < row["ends"]
        httpx.get(f"{server.url}/v1/tasks/{task}", headers=bearer(key))
        (row,) = reader.batch()
        assert row["reads"] == [row["created"]]
        control(server, key, "clock", {"advance": "60s"})
        rows = [reader.batch()]
        while not rows[-1] or [call["stage"] for call in rows[-1][0]["calls"]] != ["delivered"]:
            rows.append(reader.batch())
        row = rows[-1][0]
        assert (row["status"], row["ended"]) == ("completed", True)
        first, second = row["calls"][0]["attempts"]
        assert (first["status"], second["status"]) == (500, 200)
        assert (first.keys(), first["error"]) == ({"started", "finished", "status", "error"}, None)
        assert second["started"] - first["finished"] == 1


def test_the_id_of_a_world_opens_its_stream_without_a_key(server: Server) -> None:
    key = "sk-by-its-id"
    task = create(server, key)
    with httpx.stream("GET", f"{server.url}{STREAM}?world={key_digest(key)}", timeout=20) as response:
        reader = Reader(response)
        assert reader.message() == ("begin", {"generation": 0, "tasks": 1, **identity(key)})
        assert [row["id"] for row in reader.batch()] == [task]


def test_a_resumed_stream_sends_what_was_missed_and_nothing_else(server: Server) -> None:
    key = "sk-again"
    old = create(server, key)
    with following(server, key) as reader:
        assert [row["id"] for row in reader.batch()] == [old]
        cursor = reader.cursor
    missed = [create(server, key) for _ in range(3)]
    with following(server, key, cursor) as reader:
        assert sorted(row["id"] for row in reader.batch()) == sorted(missed)
        cursor = reader.cursor
    with following(server, key, cursor) as reader:
        assert reader.batch() == []
        late = create(server, key, callback_url="https://sink.mock/404")
        assert [row["id"] for row in reader.batch()] == [late]
        cursor = reader.cursor
    control(server, key, "clock", {"advance": "15s"})
    with following(server, key, cursor) as reader:
        assert late in [row["id"] for row in reader.batch()]


@pytest.mark.parametrize(
    "cursor", ["", "nonsense", "9.9.9.9", "0.0.0", "1.0.99999.0.0", "-1.0.0.0.0", f"1.0.0.0.{10**20}"]
)
def test_an_invalid_cursor_begins_anew(server: Server, cursor: str) -> None:
    key = "sk-anew"
    task = create(server, key)
    with following(server, key, cursor) as reader:
        assert reader.message()[0] == "begin"
        assert task in [row["id"] for row in reader.batch()]


def test_a_reset_begins_anew(server: Server) -> None:
    key = "sk-reset"
    create(server, key)
    with following(server, key) as reader:
        assert len(reader.batch()) == 1
        control(server, key, "worlds", {"reset": True})
        assert reader.message() == ("begin", {"generation": 1, "tasks": 0, **identity(key)})
        assert reader.message()[0] == "clock"


def test_a_cursor_of_another_process_begins_anew() -> None:
    with Server("--clock", "manual") as server:
        create(server, "sk-first")
        with following(server, "sk-first") as reader:
            assert len(reader.batch()) == 1
            cursor = reader.cursor
    with Server("--clock", "manual") as server:
        tasks = [create(server, "sk-first") for _ in range(3)]
        with following(server, "sk-first", cursor) as reader:
            assert reader.message()[0] == "begin"
            assert sorted(row["id"] for row in reader.batch()) == sorted(tasks)


def test_a_jump_of_a_running_clock_is_sent() -> None:
    with Server() as server, following(server, "sk-jump") as reader:
        assert reader.message()[0] == "begin"
        _, before = reader.message()
        control(server, "sk-jump", "clock", {"advance": "1h"})
        event, after = reader.message()
        assert event == "clock"
        assert after["now"] - before["now"] >= 3600


def test_rows_have_the_beginning_of_the_prompt(server: Server) -> None:
    """The key is redacted before a prompt is cut, since half of it would not be recognised."""
    key = "sk-in-a-prompt"
    prompts = {create(server, key, prompt=prompt): prompt for prompt in ("", "short", "猫" * 121, "x" * 110 + key * 2)}
    with following(server, key) as reader:
        rows = {row["id"]: row["prompt"] for row in reader.batch()}
    assert list(map(rows.get, prompts)) == ["", "short", "猫" * 120 + "…", "x" * 110 + "……"]


def test_the_worlds_are_listed_on_request(server: Server) -> None:
    key, other = "sk-lists-worlds", "sk-listed"
    with httpx.stream("GET", f"{server.url}{STREAM}?worlds=true", headers=bearer(key), timeout=20) as response:
        reader = Reader(response)
        reader.batch()
        event, worlds = reader.message()
        assert event == "worlds"
        assert worlds[-1] == {"key": "sk-l…lds", "world": worlds[-1]["world"], "tasks": 0}
        create(server, other)
        # Other keys may be masked alike.
        while event != "worlds" or key_digest(other) not in {each["world"] for each in worlds}:
            event, worlds = reader.message()
    assert [(each["key"], each["tasks"]) for each in worlds if each["world"] == key_digest(other)] == [("sk-…d", 1)]


def test_a_key_sees_only_its_own_tasks(server: Server) -> None:
    create(server, "sk-one")
    with following(server, "sk-two") as reader:
        assert reader.batch() == []
        create(server, "sk-one")
        own = create(server, "sk-two")
        assert [row["id"] for row in reader.batch()] == [own]


def test_requests_without_a_key_and_cross_origin_pages_are_refused(server: Server) -> None:
    assert httpx.get(f"{server.url}{STREAM}").status_code == 401
    refused = httpx.post(f"{server.url}{STREAM}", headers=bearer())
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    foreign = {**bearer(), "origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert httpx.get(f"{server.url}{STREAM}", headers=foreign).status_code == 403


def test_beyond_loopback_the_own_page_needs_the_token() -> None:
    with Server("--host", "0.0.0.0", environ={"EVOLINK_MOCK_CONTROL_TOKEN": "open sesame"}) as server:
        own = {**bearer(), "host": f"192.168.1.5:{server.address[1]}", "sec-fetch-site": "same-origin"}
        own |= {"origin": f"http://192.168.1.5:{server.address[1]}"}
        url = f"http://127.0.0.1:{server.address[1]}/__mock/clock"
        token = {"x-mock-token": "open sesame"}
        assert httpx.post(url, json={"mode": "manual"}, headers={**own, **token}).status_code == 200
        for more in ({}, {"x-mock-token": "open"}, {**token, "origin": "http://evil.example"}):
            assert httpx.post(url, json={"mode": "manual"}, headers={**own, **more}).status_code in (401, 403)
        assert httpx.post(url, json={}, headers={**own, **token, "sec-fetch-site": "cross-site"}).status_code == 403


def test_a_stream_begins_with_the_two_thousand_newest_tasks(server: Server) -> None:
    key = "sk-many"
    server.create_many(key, 2010)
    with following(server, key) as reader:
        assert reader.message() == ("begin", {"generation": 0, "tasks": 2010, **identity(key)})
        rows = reader.batch()
    assert len({row["id"] for row in rows}) == len(rows) == 2000


def test_the_eviction_of_a_world_ends_its_streams() -> None:
    with Server("--clock", "manual", "--set", "world_limit=1") as server, following(server, "sk-old") as reader:
        assert reader.batch() == []
        create(server, "sk-new")
        assert reader.rest() == []


def test_the_number_of_readers_is_limited(server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(MAX_READERS):
            stack.enter_context(following(server, "sk-crowd"))
        refused = httpx.get(f"{server.url}{STREAM}", headers=bearer("sk-crowd"))
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_readers")
    for _ in range(200):
        with httpx.stream("GET", f"{server.url}{STREAM}", headers=bearer("sk-crowd")) as again:
            if again.status_code == 200:
                return
    raise AssertionError("closed readers are still counted")


def test_an_open_stream_does_not_delay_shutdown() -> None:
    with Server("--clock", "manual") as server, following(server, "sk-stop") as reader:
        assert reader.batch() == []
        server.stop()
        assert reader.rest() == []


def test_the_page_and_its_files_are_served_with_their_security_headers(server: Server) -> None:
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
