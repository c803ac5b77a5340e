"""The start page: a page for browsers, an index for other clients, with working links and calls, without secrets."""

import re
import subprocess
from html import unescape
from importlib.metadata import version
from typing import Any

import httpx
import pytest

from evolink_mock.settings.keys import KeyRule
from tests.support.emulator import Emulator, bearer
from tests.support.server_process import Server

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
NOT_BROWSERS = (
    "*/*",
    "",
    "application/json",
    "application/json, text/plain, */*",
    "application/json, text/html",
    "text/html;q=0",
    "text/html;q=0.9, application/json",
    "text/html;q=nonsense",
    "text/html;q=0.5, */*",
    "text/*",
    "text/plain",
    "ключ;;=,,q=",
)


def page(emulator: Emulator, **headers: str) -> httpx.Response:
    return emulator.client.get("/", headers={"accept": BROWSER, **headers})


@pytest.mark.parametrize(
    "accept", [BROWSER, "text/html", "TEXT/HTML; charset=utf-8", "text/html, */*", "text/html;q=.5"]
)
def test_a_browser_gets_a_page_with_the_security_headers_of_the_timeline(emulator: Emulator, accept: str) -> None:
    answer = emulator.client.get("/", headers={"accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    timeline = emulator.client.get("/__mock/ui")
    for name in ("content-security-policy", "x-content-type-options", "referrer-policy", "cache-control"):
        assert answer.headers[name] == timeline.headers[name]
    assert answer.headers["vary"] == "Accept"
    assert version("evolink-devkit") in answer.text


def test_head_gets_the_headers_alone(emulator: Emulator) -> None:
    head, whole = emulator.client.head("/", headers={"accept": BROWSER}), page(emulator)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"] == str(len(whole.content))


@pytest.mark.parametrize("accept", NOT_BROWSERS)
def test_every_other_client_gets_an_index_with_links_that_work(emulator: Emulator, accept: str) -> None:
    headers = httpx.Headers({**bearer(), "accept": accept}, encoding="utf-8")
    answer = emulator.client.get("/", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert (answer.headers["vary"], answer.text[-1]) == ("Accept", "\n")
    index = answer.json()
    assert (index["service"], index["version"]) == ("evolink-mock", version("evolink-devkit"))
    assert {"openapi", "timeline", "control", "fidelity"} <= index["links"].keys()
    for link in index["links"].values():
        assert link.startswith("http")
        assert emulator.client.get(link).status_code == 200, link
    assert emulator.client.head("/", headers=headers).headers["content-length"] == str(len(answer.content))


def test_other_methods_get_the_404_of_the_api(emulator: Emulator) -> None:
    answer = emulator.client.post("/", headers={**bearer(), "accept": BROWSER})
    unknown = emulator.client.post("/nowhere", headers=bearer())
    assert (answer.status_code, answer.content) == (404, unknown.content)
    assert "vary" not in answer.headers


def test_a_404_at_the_root_is_journaled_and_the_page_and_the_index_are_not(emulator: Emulator) -> None:
    page(emulator)
    emulator.client.get("/")
    emulator.client.post("/")
    rows = emulator.client.get("/__mock/journal?all=true").json()["rows"]
    assert [(row["request"]["path"], row["answer"]["status"]) for row in rows] == [("/", 404)]


@pytest.mark.parametrize("given", [{}, {"host": "0.0.0.0", "control_token": "open sesame"}])
def test_the_index_of_the_control_api_is_there_without_a_slash(given: dict[str, Any]) -> None:
    with Emulator.in_process(**given) as emulator:
        for headers in ({}, {"x-mock-token": "open sesame"}):
            bare, whole = (emulator.client.get(path, headers=headers) for path in ("/__mock", "/__mock/"))
            assert (bare.status_code, bare.content) == (whole.status_code, whole.content)
            assert bare.status_code == (401 if given and not headers else 200)
        assert emulator.client.post("/__mock", headers={"x-mock-token": "open sesame"}).status_code == 405
        assert emulator.client.get("/__mocks").status_code == 404
        rows = emulator.client.get("/__mock/journal?all=true", headers={"x-mock-token": "open sesame"}).json()["rows"]
        assert [row["request"]["path"] for row in rows] == ["/__mocks"]


def test_its_links_lead_to_documents_that_are_there(emulator: Emulator) -> None:
    text = page(emulator).text
    links = re.findall(r'(?:href|src)="([^"]*)"', text)
    assert {"__mock/ui", "openapi.json", "__mock/", "__mock/fidelity", "__mock/scenarios/words"} <= set(links)
    for link in links:
        if not link.startswith("data:"):
            assert "//" not in link
            assert emulator.client.get(f"/{link}").status_code == 200, link
    assert "<script" not in text


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"clock": "real"}, "real, in step with the machine's clock."),
        ({"clock": "scaled", "speed": 60.0}, "scaled, 60 times as fast as real time."),
        ({"clock": "manual"}, "manual, it stands still until a call moves it."),
        ({"clock": "auto"}, "auto, it jumps to the next event when an unfinished task is polled."),
        ({"generation_time": "3s-8s"}, "A video takes 3 to 8 s."),
        ({"generation_time": "lognormal:120s:0.3"}, "A video takes about 120 s."),
        ({"public_url": "http://пример.рф/<b>\"'&"}, "http://пример.рф/<b>\"'\"'\"'&/v1/tasks/TASK_ID"),
    ],
)
def test_it_says_how_time_runs_and_where_calls_go(given: dict[str, object], says: str) -> None:
    with Emulator.in_process(**given) as emulator:
        text = page(emulator).text
    assert says in unescape(text)
    assert "<b>" not in text


def test_beyond_loopback_it_shows_no_secret_and_no_link_that_needs_the_token() -> None:
    given = {"host": "0.0.0.0", "control_token": "open sesame", "keys": {"sk-secret-key": KeyRule()}}
    with Emulator.in_process(**given) as emulator:
        text = page(emulator).text
    assert "X-Mock-Token" in text
    assert "open sesame" not in text
    assert "sk-secret" not in text
    assert 'href="__mock/fidelity"' not in text
    assert "/__mock/fidelity" in text


def test_its_calls_run_in_a_shell() -> None:
    with Server("--clock", "manual") as server:
        text = httpx.get(server.url, headers={"accept": BROWSER}).text
        create, query, advance = (unescape(found) for found in re.findall(r"<pre [^>]*>(.*?)</pre>", text, re.DOTALL))
        task = re.findall(r'"id":"([^"]+)"', run(create))[0]
        assert '"status":"pending"' in run(query.replace("TASK_ID", task))
        run(advance)
        run(advance)
        assert '"status":"completed"' in run(query.replace("TASK_ID", task))


def run(command: str) -> str:
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=30).stdout
