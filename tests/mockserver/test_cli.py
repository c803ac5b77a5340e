"""The commands: overviews without cut sentences, an explanation from the emulator that is meant, every setting."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import click
import pytest

from evolink_client.cli import main as client
from evolink_contracts.cli.main import main as kit
from evolink_mock.cli import main
from evolink_mock.server.banner import banner
from evolink_mock.settings import NAMES, Settings
from tests.support.commands import in_process, run
from tests.support.emulator import DOCUMENTED, bearer
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


def test_explain_asks_the_emulator_of_the_environment() -> None:
    import httpx

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
