"""Reports of a judged recording: JUnit by its schema, a page in a browser, Markdown, JSON; hostile text is text."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolink_contracts.promises.registry import BY_NUMBER, judge
from evolink_contracts.reporting.curl import curl
from evolink_contracts.reporting.formats import FORMATS
from evolink_contracts.runs.runner import Report, Skipped
from evolink_contracts.stateful.search import FailedHistory, SearchResult
from evolink_contracts.trace.events import Call, Event
from tests.support.pages.browser import SCHEMES, opened_page
from tests.support.traces.sample_traces import SAMPLES, create, read
from tests.support.traces.trace_strategies import CALLED, FOREIGN

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from xmlschema import XMLSchema

URL = "https://api.evolink.ai"
HOSTILE = "</pre><script>document.title='owned'</script><img src=x onerror=alert(1)>]]>\x1b[2J\x9b2J\x00\ud800```"
SHOWN = HOSTILE.replace("\ud800", "�").replace("\x9b", "�")
STEPS: list[dict[str, object]] = [{"do": "create", "fields": {"prompt": HOSTILE}, "outcome": None, "answers": None}]


@cache
def junit_schema() -> "XMLSchema":
    from xmlschema import XMLSchema

    return XMLSchema(Path(__file__).with_name("junit.xsd"))


def report(*events: Event, searched: SearchResult | None = None, stopped: str = "") -> Report:
    return Report(tuple(judge(events)), events, (Skipped("callbacks", "no <way>"),), stopped, searched)


WRONG = report(create(status=201, answer=HOSTILE), read(1.0, "failed"))
STOPPED = report(searched=SearchResult(4, 7), stopped="it is <dead>")
LOST = report(searched=SearchResult(5, 7, FailedHistory(HOSTILE, STEPS, (), reproducible=False)), stopped=HOSTILE)


@pytest.mark.parametrize("shown", [WRONG, LOST, STOPPED, report()], ids=["broken", "a history", "stopped", "nothing"])
def test_junit_keeps_its_schema(shown: Report) -> None:
    document = FORMATS["junit"](shown, URL)
    junit_schema().validate(document)
    suite = fromstring(document)
    kinds = ("testcase", "failure", "skipped", "error")
    counted = [str(len([*suite.iter(kind)])) for kind in kinds]
    assert counted == [suite.get(count) for count in ("tests", "failures", "skipped", "errors")]


def test_junit_says_what_broke() -> None:
    suite = fromstring(FORMATS["junit"](WRONG, URL))
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert suite.get("tests") == str(len(cases)) == str(len(BY_NUMBER))
    failure = cases["VC-002 answers 200"].find("failure")
    assert failure is not None
    assert (failure.get("message"), failure.get("type")) == ("the status is 201", "critical")
    assert cases["VC-067 gaps"].find("skipped") is not None


def test_junit_says_that_a_run_ended_before_its_time_and_what_was_skipped() -> None:
    suite = fromstring(FORMATS["junit"](STOPPED, URL))
    error = suite.find("testcase[@name='run completed']/error")
    assert error is not None
    assert error.get("message") == "stopped early: it is <dead>"
    histories = suite.find("testcase[@name='histories']/skipped")
    assert histories is not None
    assert histories.get("message") == "stopped early; 4 histories of seed 7 passed"
    probe = suite.find("properties/property[@name='skipped probe callbacks']")
    assert probe is not None
    assert probe.get("value") == "no <way>"


def test_a_search_that_stopped_in_its_first_history_held_nothing() -> None:
    shown = report(searched=SearchResult(0, 7), stopped="it is dead")
    assert "; no history was completed; stopped early: it is dead" in FORMATS["text"](shown, URL)


@given(st.lists(FOREIGN | CALLED, max_size=4))
@settings(max_examples=25, deadline=None)
def test_whatever_was_recorded_is_reported(events: list[Event]) -> None:
    shown = report(*events)
    junit_schema().validate(FORMATS["junit"](shown, URL))
    json.loads(FORMATS["json"](shown, URL))
    for form in ("text", "markdown", "html"):
        assert not {"\x1b", "\x9b"} & set(FORMATS[form](shown, URL).encode().decode())


def received(line: str) -> tuple[str, dict[str, str], bytes]:
    """What a service gets when a line for a shell is run: method, headers, body."""
    got: list[tuple[str, dict[str, str], bytes]] = []

    class Ear(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            if self.parse_request():
                headers = {name.lower(): value for name, value in self.headers.items()}
                got.append(
                    (f"{self.command} {self.path}", headers, self.rfile.read(int(headers.get("content-length", 0))))
                )
                self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
            self.close_connection = True

    with HTTPServer(("127.0.0.1", 0), Ear) as httpd:
        thread = Thread(target=httpd.handle_request)
        thread.start()
        line = line.replace(URL, f"http://127.0.0.1:{httpd.server_address[1]}")
        subprocess.run(["sh", "-c", line], env={**os.environ, "EVOLINK_API_KEY": "sk-x"}, check=True, timeout=30)
        thread.join()
    return got[0]


HAS_CURL = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
LONG = json.dumps({"prompt": "x" * 1501, "callback_url": "https://example.com/" + "y" * 2048})


@HAS_CURL
@pytest.mark.parametrize(
    ("method", "sent"),
    [
        ("GET", None),
        ("POST", None),
        ("GET", "{}"),
        ("POST", "@/etc/hostname"),
        ("POST", '{"a": "it\'s"}\n'),
        ("POST", ""),
        ("DELETE", None),
        ("POST", LONG),
    ],
)
def test_the_line_for_a_shell_repeats_the_call(method: str, sent: str | None) -> None:
    path = "/v1/tasks/{a,b}[1-2]"
    headers = {} if sent is None else {"content-type": "application/json"}
    request, got, body = received(curl(Call(0, method, path, 200, sent=sent, sent_headers=headers), URL))
    assert request == f"{method} {path}"
    assert body.decode() == (sent or "")
    assert got["authorization"] == "Bearer sk-x"
    assert got.get("content-type") == headers.get("content-type")


@HAS_CURL
def test_a_body_without_a_type_stays_without_one() -> None:
    _, headers, _ = received(curl(Call(0, "POST", "/v1/x", 200, sent="{}", sent_headers={}), URL))
    assert "content-type" not in headers


@HAS_CURL
def test_a_body_whose_headers_were_not_recorded_is_sent_as_json() -> None:
    _, headers, _ = received(curl(Call(0, "POST", "/v1/x", 200, sent="{}"), URL))
    assert headers["content-type"] == "application/json"


def test_a_body_that_is_too_long_for_a_line_is_said_to_be_shortened() -> None:
    line = curl(Call(0, "POST", "/v1/x", 200, sent="x" * 5000), URL)
    assert "… (shortened: it does not repeat the call as it is)" in line
    assert len(line) < 1000


@pytest.mark.parametrize(
    "path", ["https://evil.example/steal", "//evil.example/", "@evil.example/", ".evil.example/", "-K/x://", ""]
)
def test_the_key_goes_nowhere_but_to_the_service(path: str) -> None:
    line = curl(Call(0, "GET", path, 200, sent="@/home/me/.ssh/id_rsa"), URL)
    assert "EVOLINK_API_KEY" not in line
    assert "--data-binary" not in line
    assert not any(word.startswith("-K") for word in shlex.split(line))


def test_markdown_is_a_table_and_what_broke() -> None:
    page = FORMATS["markdown"](WRONG, URL)
    assert "| VC-002 | An accepted request is answered with 200, not 201 or 202. | documented | failed |" in page
    assert "## VC-002 answers 200" in page
    assert page.count("```") % 2 == 0


def test_json_has_every_promise_with_its_example() -> None:
    found = json.loads(FORMATS["json"](LOST, URL))
    assert [promise["number"] for promise in found["promises"]] == list(SAMPLES)
    assert found["histories"] == {
        "played": 5,
        "seed": 7,
        "failure": {"says": SHOWN, "steps": [STEPS[0] | {"fields": {"prompt": SHOWN}}], "reproducible": False},
    }


@pytest.fixture(scope="module")
def browser_page() -> "Iterator[tuple[Page, list[str]]]":
    with opened_page() as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize("shown", [WRONG, LOST], ids=["broken", "a history"])
def test_the_page_is_whole_in_a_browser_and_hostile_text_is_text(
    browser_page: "tuple[Page, list[str]]", shown: Report, tmp_path: Path
) -> None:
    page, noticed = browser_page
    page.set_viewport_size({"width": 1280, "height": 720})
    noticed.clear()
    file = tmp_path / "report.html"
    file.write_text(FORMATS["html"](shown, URL), encoding="utf-8")
    page.goto(file.as_uri())
    assert noticed == [f"asks for {file.as_uri()}"]
    assert page.locator("tr").count() == len(BY_NUMBER) + 1
    assert page.locator("details[open]").count() == len(shown.failed)
    assert page.title() == page.locator("h1").inner_text()
    assert "<script>document.title='owned'</script>" in page.locator("body").inner_text()
    assert page.locator("script, img, iframe, link").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size({"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_with_failures_is_readable_and_accessible(
    browser_page: "tuple[Page, list[str]]", width: int, scheme: Any, tmp_path: Path
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # It has no types.

    page, _ = browser_page
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    file = tmp_path / "report.html"
    long = Call(0, "POST", "/v1/videos/generations", 201, "{" + "x" * 3000, sent="{}")
    file.write_text(FORMATS["html"](report(long, create(status=201)), URL), encoding="utf-8")
    page.goto(file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for column in (1, 3, 4, 5):
        cell = page.locator(f"tbody tr.failed td:nth-child({column})").first
        assert cell.evaluate("cell => getComputedStyle(cell).whiteSpace") == "nowrap"
        assert cell.evaluate("cell => cell.scrollWidth <= cell.clientWidth")
    statement = page.locator("tbody tr.failed td:nth-child(2)").first.bounding_box()
    assert statement is not None
    assert statement["width"] > width * 0.4
    assert page.locator("tbody tr").first.get_attribute("class") == "failed"
    found = Axe().run(page)
    serious = [each["id"] for each in found.response["violations"] if each["impact"] in ("serious", "critical")]
    assert serious == [], found.generate_report()
    page.emulate_media(color_scheme="light")
