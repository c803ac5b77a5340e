"""`evolink-contracts` at a prompt: a service, a recording, and services that are none."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import click
import httpx
import pytest

from evolink_contracts.cli.options import FILE
from evolink_contracts.promises.registry import BY_NUMBER
from tests.support.kit_command import kit, kit_process
from tests.support.mutated_emulators import served
from tests.support.pytest_plugins import NO_OTHERS
from tests.support.server_process import Server
from tests.support.terminal import on_a_terminal


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--generation-time", "5s") as server:
        yield server


def test_an_emulator_over_a_socket_keeps_what_it_can_show(server: Server, tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    ran = kit_process("run", "--base-url", server.url, "--api-key", "sk-local", "--trace", str(trace))
    assert ran.returncode == 0, ran.stdout
    lines = ran.stdout.splitlines()
    assert re.fullmatch(r"\d\d promises passed, 0 failed, \d+ not covered", lines[-1])
    assert (
        "✓ VC-023 A callback URL does not point to an internal address, in any spelling. Anything else gets 400. (17×)"
        in lines
    )
    skipped = "– skipped callbacks: it needs callbacks, and no receiver is open (evolink-contracts run --listen"
    assert any(line.startswith(skipped) for line in lines)
    assert "boundary requests: sends creates at the limits of every rule" in ran.stderr
    assert "sk-local" not in trace.read_text(encoding="utf-8")

    checked = kit("check", str(trace), "--format", "json")
    assert checked.returncode == 0
    promises = json.loads(checked.stdout)["promises"]
    assert [promise["number"] for promise in promises] == list(BY_NUMBER)
    assert sum(promise["verdict"] == "passed" for promise in promises) == int(lines[-1].split()[0])


class Foreign(BaseHTTPRequestHandler):
    """A service that gets most things wrong."""

    creates: ClassVar[int] = 0

    def do_GET(self) -> None:
        self._answer(404 if self.path.startswith("/__mock") else 200, b"<html>hello</html>", "text/html")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        Foreign.creates += 1
        self._answer(201, b'{"task_id": 5}', "application/json")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def foreign() -> Iterator[str]:
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_address[1]}"
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_a_foreign_service_is_bought_from_and_told_what_is_wrong_with_it(foreign: str) -> None:
    Foreign.creates = 0
    ran = kit("run", "--base-url", foreign, "--api-key", "sk-x", "--profile", "live", "--max-credits", "10000")
    assert ran.returncode == 1, ran.stderr
    broken = re.findall(r"✗ (VC-\d+)", ran.stdout)
    assert {"VC-002", "VC-003", "VC-012", "VC-030", "VC-032", "VC-034", "VC-035", "VC-036", "VC-091"} <= set(broken)
    assert (
        "✗ VC-032 A request with a missing or invalid key gets 401, whatever else is wrong with it.\n"
        "    a request whose key is missing got 200\n"
        "      GET /v1/tasks/task-unified-1757169743-7cvnl5zw at "
    ) in ran.stdout
    assert "      curl -s -i -g " + foreign + "/v1/tasks/nonsense -H " in ran.stdout
    # One that broke a rule, four unauthenticated ones, one to a route that is none, and those that were paid for.
    assert Foreign.creates == 1 + 4 + 1 + 4
    assert (
        "– skipped lacking: it stopped early: a task without an id was accepted although it broke a rule" in ran.stdout
    )
    assert all(line.strip() for line in ran.stdout.splitlines())
    assert max(map(len, ran.stdout.splitlines())) < 1500


def test_on_a_terminal_a_bar_shows_how_far_it_is(server: Server) -> None:
    run = ("run", "--base-url", server.url, "--api-key", "sk-bar", "--only", "VC-001", "--histories", "3")
    command = [sys.executable, "-m", "evolink_contracts", *run]
    code, printed, seen = on_a_terminal(command, {**os.environ, "COLUMNS": "120"})
    assert code == 0
    assert printed.splitlines()[0].startswith("✓ VC-001 ")
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    assert re.search(r"━+ +\d+/14 \d:\d\d:\d\d \S+: \w+", shown)
    assert "histories: " in shown
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")


def test_what_is_no_emulator_is_not_run_against(foreign: str) -> None:
    ran = kit("run", "--base-url", foreign, "--api-key", "sk-x")
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "--profile live-safe sends it nothing that costs credits" in ran.stderr
    ran = kit("run", "--base-url", "http://127.0.0.1:9", "--api-key", "sk-x")
    assert ran.returncode == 3
    assert "got no answer" in ran.stderr
    ran = kit("run", "--base-url", "http://nowhere.invalid", "--api-key", "sk-x")
    assert ran.returncode == 3
    assert re.search("GET /__mock/clock got no answer: .*(Name or service|resolution)", ran.stderr)


def test_a_live_service_is_sent_nothing_that_it_could_accept(foreign: str, server: Server) -> None:
    """The emulator stands for a live service here; the foreign one accepts what it must refuse."""
    ran = kit("run", "--base-url", server.url, "--api-key", "sk-live", "--profile", "live-safe")
    assert ran.returncode == 0, ran.stdout
    assert "✓ VC-030 An error response is an object with error.code" in ran.stdout
    assert "✓ VC-032 A request with a missing or invalid key gets 401, whatever else is wrong with it." in ran.stdout
    Foreign.creates = 0
    answer = httpx.get(f"{server.url}/__mock/tasks", headers={"authorization": "Bearer sk-live"})
    assert answer.json()["tasks"] == []
    ran = kit("run", "--base-url", server.url, "--api-key", "sk-invalid-one", "--profile", "live-safe")
    assert ran.returncode == 0, ran.stdout
    assert re.search(r"– skipped \d+ calls: they got 401", ran.stdout)
    ran = kit("run", "--base-url", foreign, "--api-key", "sk-x", "--profile", "live-safe")
    assert ran.returncode == 1
    assert "✗ VC-002 An accepted request is answered with 200" in ran.stdout
    assert "a create without a required field was accepted as a task without an id; look after that task" in ran.stderr
    assert Foreign.creates == 1


WRONG = {
    "kind": "call",
    "at": 1.0,
    "method": "POST",
    "path": "/v1/videos/generations",
    "status": 201,
    "answer": '{"id": "5", "status": "queued"}',
    "sent": '{"model": "wan2.6-image-to-video-flash", "prompt": "it\'s a cat"}',
    "sent_headers": {"content-type": "application/json"},
}


@pytest.fixture
def recording(tmp_path: Path) -> str:
    (tmp_path / "wrong.jsonl").write_text(json.dumps(WRONG) + "\n", encoding="utf-8")
    return str(tmp_path / "wrong.jsonl")


def test_what_is_broken_is_shown_with_its_example_and_a_line_that_repeats_it(recording: str) -> None:
    ran = kit("check", recording)
    assert ran.returncode == 1
    assert "✗ VC-002 An accepted request is answered with 200, not 201 or 202.\n    the status is 201\n" in ran.stdout
    assert (
        '      curl -s -i -g "$EVOLINK_BASE_URL"/v1/videos/generations -H "Authorization: Bearer $EVOLINK_API_KEY" '
        "-H 'content-type: application/json' --data-raw "
        '\'{"model": "wan2.6-image-to-video-flash", "prompt": "it\'"\'"\'s a cat"}\'\n'
    ) in ran.stdout
    assert "✗ VC-013 image_urls is required" in ran.stdout
    assert "– VC-067 Retries follow 1, 2 and 4 s after the preceding failure.\n" in ran.stdout


def test_only_some_promises_are_judged_where_that_is_asked_for(recording: str) -> None:
    assert kit("check", recording, "--only", "VC-010").returncode == 1
    ran = kit("check", recording, "--only", "VC-999")
    assert ran.returncode == 2
    assert "there is no promise VC-999" in ran.stderr


def plugin(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    (home / "test_own.py").write_text(
        "def test_own(evolink_target):\n    assert evolink_target.create({'duration': 5}).status == 200\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-W", "error", *NO_OTHERS, *arguments]
    # Where CI is set, pytest cuts no line of its summary.
    environ = {**os.environ, "CI": "true"}
    return subprocess.run(command, cwd=home, env=environ, capture_output=True, text=True, check=False, timeout=120)


def test_the_fixture_is_an_error_without_a_base_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVOLINK_BASE_URL", raising=False)
    ran = plugin(tmp_path)
    assert (ran.returncode, "1 error" in ran.stdout) == (1, True), ran.stdout
    assert "evolink_target needs the service to test: --evolink-base-url URL, or EVOLINK_BASE_URL" in ran.stdout


@pytest.mark.parametrize(
    "option", ["--evolink-base-url", pytest.param("--evolink-control-url", marks=pytest.mark.slow)]
)
def test_the_plugin_refuses_an_address_without_a_scheme(tmp_path: Path, option: str) -> None:
    given = {"--evolink-base-url": "http://127.0.0.1:9", option: "127.0.0.1:8088"}
    words = [word for pair in given.items() for word in pair]
    ran = plugin(tmp_path, *words, "--evolink-api-key", "sk-plugin", "-k", "completed")
    says = f"{option} must begin with http:// or https://, such as http://127.0.0.1:8080; got '127.0.0.1:8088'"
    assert says in ran.stdout


@pytest.mark.slow
def test_the_promises_are_tests_of_pytest_too(server: Server, foreign: str, tmp_path: Path) -> None:
    ran = plugin(tmp_path, "--evolink-base-url", server.url, "--evolink-api-key", "sk-plugin")
    assert ran.returncode == 0, ran.stdout
    assert "PASSED test_own.py::test_own" in ran.stdout
    assert "PASSED ::VC-054 result links expire" in ran.stdout
    assert "PASSED ::run completed" in ran.stdout
    ran = plugin(tmp_path)
    assert ran.returncode == 1
    assert "1 error" in ran.stdout
    assert "UsageError: evolink_target needs the service to test: --evolink-base-url URL" in ran.stdout
    assert "needs --evolink-api-key" in plugin(tmp_path, "--evolink-base-url", foreign, "-k", "VC").stdout


def test_a_dead_address_is_one_failure_in_pytest(tmp_path: Path) -> None:
    ran = plugin(tmp_path, "--evolink-base-url", "http://user:pw@127.0.0.1:9", "--evolink-api-key", "sk-x")
    assert re.search(r"\n(78 skipped, 1 error|1 error, 78 skipped|.*78 skipped, 1 error)", ran.stdout), ran.stdout
    assert ran.stdout.count("Connection refused") <= 2
    assert "http://127.0.0.1:9: GET /__mock/clock got no answer" in ran.stdout
    assert "pw@" not in ran.stdout
    ran = plugin(tmp_path, "--evolink-base-url", "http://127.0.0.1:9", "--evolink-api-key", "sk-x", "-k", "VC")
    assert re.search(r"1 failed, 76 skipped", ran.stdout), ran.stdout


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("--evolink-base-url", "http://[::1"), "--evolink-base-url must be a URL, such as http://127.0.0.1:8080"),
        pytest.param(
            ("--evolink-control-url", "http://h:abc"),
            "--evolink-control-url must be a URL, such as http://127.0.0.1:8080",
            marks=pytest.mark.slow,
        ),
        (
            ("--evolink-control-url", "http://127.0.0.1:9"),
            "--evolink-control-url http://127.0.0.1:9: the control API: GET",
        ),
        (("--evolink-api-key", "a\nb"), "--evolink-api-key is empty, or has a character that no header can carry"),
        (("--evolink-histories", "-1"), "-1 is not a whole number from 0 on"),
        pytest.param(("--evolink-seed", "-1"), "-1 is not a whole number from 0 on", marks=pytest.mark.slow),
    ],
)
def test_a_mistake_in_an_option_of_pytest_is_named(given: tuple[str, ...], says: str, tmp_path: Path) -> None:
    service = ("--evolink-base-url", "http://127.0.0.1:9", "--evolink-api-key", "sk-x")
    ran = plugin(tmp_path, *service, *given, "-k", "VC-001")
    assert says in ran.stdout + ran.stderr
    assert "INTERNALERROR" not in ran.stdout + ran.stderr


def test_a_base_url_of_the_environment_is_for_the_fixture_alone_unless_the_contract_is_asked_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVOLINK_BASE_URL", server.url)
    monkeypatch.setenv("EVOLINK_API_KEY", "sk-environ")
    assert re.search(r"\n1 passed in", plugin(tmp_path).stdout)
    ran = plugin(tmp_path, "--evolink-profile", "live-safe", "-k", "VC-032")
    assert "PASSED ::VC-032 key first" in ran.stdout, ran.stdout
    ran = plugin(tmp_path, "--evolink-base-url", server.url + "/v1", "-k", "completed")
    assert f"the base URL ends in /v1, which the kit adds itself: write {server.url}" in ran.stdout


@pytest.mark.slow
def test_the_options_of_a_run_are_options_of_pytest_too(server: Server, tmp_path: Path) -> None:
    given = ("--evolink-base-url", server.url, "--evolink-api-key", "sk-plugin-options")
    ran = plugin(tmp_path, *given, "--evolink-histories", "5", "-k", "histories or VC-001")
    assert "PASSED ::histories" in ran.stdout, ran.stdout
    live = (*given, "--evolink-profile", "live")
    assert "live needs --evolink-max-credits" in plugin(tmp_path, *live, "-k", "VC-001").stdout
    ran = plugin(tmp_path, *live, "--evolink-max-credits", "5", "-k", "VC-001")
    assert "4 creates may cost 24 credits; of 5 (--max-credits) 0 are spent; nothing was bought" in ran.stdout
    ran = plugin(tmp_path, *live, "--evolink-max-credits", "30", "-n", "1", "-k", "own")
    assert "each worker of xdist would buy its own" in ran.stdout
    with served("double_charge") as url:
        ran = plugin(tmp_path, "--evolink-base-url", url, *given[2:], "--evolink-histories", "9", "-k", "histories")
    assert "23.8 credits are used; 11.9 were expected\ncreate: fields" in ran.stdout, ran.stdout


@pytest.mark.slow
def test_a_run_that_stops_fails_in_pytest_with_its_reason(foreign: str, tmp_path: Path) -> None:
    given = ("--evolink-base-url", foreign, "--evolink-api-key", "sk-x", "--evolink-profile")
    ran = plugin(tmp_path, *given, "live-safe", "-k", "completed or VC-067")
    assert "FAILED ::run completed" in ran.stdout, ran.stdout
    assert "was accepted as a task without an id; look after that task and its credits" in ran.stdout
    assert "not covered: no call or callback of the trace tests it; the run stopped early: a create" in ran.stdout
    live = (*given, "live", "--evolink-max-credits", "30", "--evolink-histories", "5")
    ran = plugin(tmp_path, *live, "-k", "histories")
    assert "0 histories were run before the run stopped: " in ran.stdout, ran.stdout
    assert "FAILED ::histories" in ran.stdout


def test_a_recording_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("{}\n", encoding="utf-8")
    ran = kit_process("check", str(tmp_path / "x.jsonl"))
    assert ran.returncode == 3
    assert 'line 1: "kind" must be one of call, attempt' in ran.stderr


@pytest.mark.parametrize("option", ["--out", "--trace", "--save"])
def test_a_file_that_cannot_be_written_is_named_before_the_run(option: str, foreign: str, tmp_path: Path) -> None:
    file = tmp_path / "none" / "x"
    Foreign.creates = 0
    ran = kit("run", "--base-url", foreign, "--api-key", "sk-x", "--profile", "live-safe", option, str(file))
    assert (ran.returncode, ran.stdout, Foreign.creates) == (2, "", 0)
    assert f"there is no directory {file.parent}" in " ".join(ran.stderr.split())
    assert "Traceback" not in ran.stderr


def test_a_directory_that_takes_no_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever is root may write almost anywhere.
    monkeypatch.setattr("evolink_contracts.cli.options.os.access", lambda *_: False)
    with pytest.raises(click.BadParameter, match=f"nothing may be added to the directory {tmp_path}"):
        FILE.convert(str(tmp_path / "x"), None, None)


FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@FULL
def test_a_report_that_could_not_be_written_is_printed(recording: str) -> None:
    ran = kit("check", recording, "--out", "/dev/full")
    assert ran.returncode == 3
    assert "✗ VC-002 An accepted request" in ran.stdout
    assert "Error: /dev/full could not be written: No space left on device" in ran.stderr


@FULL
@pytest.mark.parametrize(
    ("output", "why"), [(">&-", "Bad file descriptor"), (">/dev/full", "No space left"), ("", "Broken pipe")]
)
def test_a_report_that_could_not_be_printed_is_no_broken_promise(recording: str, output: str, why: str) -> None:
    unread, pipe = os.pipe()
    os.close(unread)
    command = ["bash", "-c", f'"$0" -m evolink_contracts check "$1" {output}', sys.executable, recording]
    ran = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    os.close(pipe)
    assert ran.returncode == 3
    assert f"Error: the standard output could not be written: {why}" in ran.stderr
    assert "Traceback" not in ran.stderr


@FULL
@pytest.mark.parametrize("option", ["--trace", "--save"])
def test_a_report_is_printed_where_a_trace_or_a_history_could_not_be_written(option: str, tmp_path: Path) -> None:
    history = tmp_path / "history.json"
    history.write_text(json.dumps([{"do": "create", "fields": {}, "outcome": None, "answers": None}]), encoding="utf-8")
    with served("double_charge") as url:
        given = ("--base-url", url, "--api-key", "sk-full", "--only", "VC-083", "--replay", str(history))
        ran = kit("run", *given, option, "/dev/full")
    assert ran.returncode == 3, ran.stderr
    assert "✗ a history of 1 step: 23.8 credits are used" in ran.stdout
    assert "Error: /dev/full could not be written: No space left on device" in ran.stderr


@pytest.mark.slow
def test_the_kit_tests_itself() -> None:
    ran = kit_process("selftest", "gap_3", "leak")
    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.splitlines()[0] == "✓ the unmodified emulator: every promise passed"
    assert "✓ gap_3 (waits 3 s for 2): caught by VC-067\n" in ran.stdout
    assert kit("selftest", "no_such_mutant").returncode == 2


def test_a_recording_with_a_byte_order_mark_is_read(server: Server, tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    kit("run", "--base-url", server.url, "--api-key", "sk-bom", "--only", "VC-010", "--trace", str(trace))
    plain = kit("check", str(trace))
    trace.write_bytes(b"\xef\xbb\xbf" + trace.read_bytes())
    assert kit("check", str(trace)).stdout == plain.stdout


@pytest.mark.parametrize(
    ("encoding", "form"), [("cp1252", "text"), pytest.param("cp936", "html", marks=pytest.mark.slow)]
)
def test_a_code_page_without_the_marks_changes_no_exit_code(server: Server, encoding: str, form: str) -> None:
    command = ["run", "--base-url", server.url, "--api-key", "sk-page", "--only", "VC-010", "--format", form]
    ran = subprocess.run(
        [sys.executable, "-m", "evolink_contracts", *command],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert b"+ VC-010" in ran.stdout or b"+ passed" in ran.stdout, ran.stdout
