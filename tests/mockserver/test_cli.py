"""The commands: overviews without cut sentences, an explanation from the emulator that is meant, every setting."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import click
import httpx
import pytest

from evolink_client.cli import main as client
from evolink_contracts.cli.main import main as kit
from evolink_mock.cli import main
from evolink_mock.server.banner import banner
from evolink_mock.settings import NAMES, Settings
from tests.support.commands import in_process, ran, run
from tests.support.emulator import DOCUMENTED, bearer
from tests.support.receivers import Receiver, whole
from tests.support.server_process import Server


@pytest.mark.parametrize("command", [main, client, kit])
def test_the_overview_has_whole_sentences_and_names_shell_completion(command: click.Group) -> None:
    shown = in_process(command, "--help", COLUMNS="80").output
    assert "..." not in shown.partition("Commands:")[2]
    assert "_COMPLETE=bash_source" in shown


def test_every_setting_is_listed_with_its_meaning_values_and_default() -> None:
    rows: list[dict[str, Any]] = json.loads(run("settings", "--json").stdout)
    assert [row["name"] for row in rows] == list(NAMES)
    for row in rows:
        assert row["meaning"][-1] in ".?"
        assert "default: " in row["takes"]
        assert "of another type" not in row["takes"]
    text = run("settings").stdout
    meaning = "Port to listen on; 0 takes any free one."
    assert f"port = 8080\n    {meaning}\n    an integer from 0 to 65535; default: 8080\n" in text


def test_a_manual_clock_comes_with_the_call_that_moves_it() -> None:
    assert '/__mock/clock -H "Authorization: Bearer sk-local" -d \'{"advance": "10s"}\'' in banner(
        Settings(clock="manual", public_url="http://127.0.0.1:8080"), None
    )
    assert "advance" not in banner(Settings(public_url="http://127.0.0.1:8080"), None)


def test_the_banner_says_where_callbacks_go() -> None:
    routes = {"https://a.example.com": "http://127.0.0.1:1", "https://b.example.com": "http://127.0.0.1:2"}
    given = Settings(callback_route=routes, forward_to="http://127.0.0.1:3", public_url="http://127.0.0.1:8080")
    assert (
        "callbacks go from https://a.example.com to http://127.0.0.1:1, from https://b.example.com to "
        "http://127.0.0.1:2, else to http://127.0.0.1:3\n"
    ) in banner(given, None)


def test_explain_asks_the_emulator_of_the_environment() -> None:
    with Server("--clock", "manual") as server:
        answer = httpx.post(f"{server.url}/v1/videos/generations", json=DOCUMENTED, headers=bearer())
        task = answer.json()["id"]
        for url in (server.url, f"{server.url}/", f"{server.url}/v1"):
            told = run("explain", task, EVOLINK_BASE_URL=url, HTTP_PROXY="http://127.0.0.1:9")
            assert (told.exit_code, "plan" in told.stdout) == (0, True), told.output
        unknown = run("explain", "task-unified-1-x", EVOLINK_BASE_URL=server.url)
        assert (unknown.exit_code, "no key has it" in unknown.output) == (1, True)
        other = run("explain", task, "--key", "sk-other", EVOLINK_BASE_URL=server.url)
        assert "without --key, all are searched" in other.output
        assert "?all=true" not in unknown.output + other.output


def test_explain_says_when_something_else_answers_or_nothing() -> None:
    class Foreign(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # The name that http.server calls.
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Foreign) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        foreign = run("explain", "task-unified-1-x", "--url", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()
    assert "is not an emulator" in foreign.output
    nothing = run("explain", "task-unified-1-x", "--url", "http://127.0.0.1:1")
    assert "no emulator answers at http://127.0.0.1:1" in nothing.output
    assert "EVOLINK_BASE_URL" in nothing.output


CONTROL_ERROR = b'{"error": {"type": "mock_control_error"}}'


@pytest.mark.parametrize(
    "answer",
    [
        *(whole(200, body) for body in (b"[]", b"{}", b"null", b"5", b'"x"', b"[" * 100_000, b"\xff", b"1" * 5000)),
        *(whole(200, b'{"story": %s}' % story) for story in (b"5", b"{}", b"[5]", b'[{"after": "s"}]')),
        whole(200, b'{"story": [{"after": "x", "about": "a", "says": "b"}]}'),
        whole(200, b'{"story": [{"after": "nan", "about": "a", "says": "b"}]}'),
        *(whole(404, body) for body in (b"[]", b'{"error": 5}', CONTROL_ERROR)),
        whole(302, b"{}", "Location: http://127.0.0.1:9"),
    ],
    ids=lambda answer: repr(answer[-40:]),
)
@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_explain_says_that_a_foreign_server_is_no_emulator(answer: bytes, as_json: tuple[str, ...]) -> None:
    with Receiver(answer) as receiver:
        done = ran(main, "explain", "t", "--url", receiver.place, *as_json)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"Error: {receiver.place} is not an emulator: " in done.stderr
    assert "say where the emulator is with --url or EVOLINK_BASE_URL" in done.stderr


def test_explain_shows_no_credentials_of_its_url() -> None:
    done = ran(main, "explain", "t", "--url", "http://user:secret@127.0.0.1:1/?key=secret#secret")
    assert done.returncode == 1
    assert "no emulator answers at http://127.0.0.1:1: " in done.stderr
    assert "Warning: --url: credentials, a query and a fragment in the URL are not sent" in done.stderr
    assert "secret" not in done.stderr
    done = ran(main, "explain", "t", "--url", "ftp://user:secret@127.0.0.1:1")
    assert (done.returncode, "secret" in done.stderr) == (2, False)


@pytest.mark.parametrize("option", ["--key", "--token"])
@pytest.mark.parametrize("value", ["se\ncret", "secret\r", "secret ", "secret\x7f", "\0secret"])
def test_explain_refuses_a_key_that_no_header_can_carry(option: str, value: str) -> None:
    done = ran(main, "explain", "t", "--url", "http://127.0.0.1:1", option, value)
    assert done.returncode == 2
    assert f"'{option}'" in done.stderr
    assert "has a character that no header can carry" in " ".join(done.stderr.split())
    assert "cret" not in done.stderr


@pytest.mark.parametrize("command", [("explain", "t"), ("health",)])
@pytest.mark.parametrize(
    "url", ["http://[::1", "http://h:abc", "http://h:99999", "http://x y", "http://xn--..", "http://:"]
)
def test_a_malformed_url_is_wrong_usage(command: tuple[str, ...], url: str) -> None:
    done = ran(main, *command, "--url", url)
    assert done.returncode == 2
    assert "must be a URL, such as http://127.0.0.1:8080" in " ".join(done.stderr.split())


@pytest.mark.parametrize("value", ["nan", "inf", "0", "-1"])
def test_a_time_that_is_none_is_wrong_usage(value: str) -> None:
    done = ran(main, "health", "--timeout", value)
    assert done.returncode == 2
    assert "must be a finite number above 0" in done.stderr


def test_explain_accepts_any_id_and_any_key() -> None:
    with Server("--clock", "manual") as server:
        task = httpx.post(
            f"{server.url}/v1/videos/generations", json=DOCUMENTED, headers={b"Authorization": "Bearer ключ".encode()}
        ).json()["id"]
        for url in (server.url, f"{server.url}/__mock", f"{server.url}/#part"):
            done = ran(main, "explain", task, "--key", "ключ", "--url", url)
            assert (done.returncode, "plan" in done.stdout) == (0, True), done
        for name in ("\udcff", "é", "?"):
            done = ran(main, "explain", name, "--key", "ключ", "--url", server.url)
            assert done.returncode == 1
            assert "the world of that key has no such task" in done.stderr, done.stderr
