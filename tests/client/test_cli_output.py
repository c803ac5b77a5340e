"""Output of `evolink`: free of control characters of a service, and encodable, whatever a response has."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from evolink_client.cli import main
from tests.support.commands import Ran, ran
from tests.support.emulator import KEY
from tests.support.hostile_servers import hostile, says
from tests.support.receivers import whole

ODD = "a\x1b]0;title\x07b\x1b[31mc\x9b31md\x9d0;e\x9cf\x7fg\rh\x08i\ud800j\u202ek"
"""An OSC and two CSI sequences, C1 controls, DEL, a carriage return, a backspace, and half a surrogate pair."""
CONTROL = {chr(code) for code in (*range(10), *range(11, 32), *range(127, 160), *range(0xD800, 0xE000))}


def task(**more: Any) -> bytes:
    fields = {"id": ODD, "status": "failed", "progress": 1, "model": ODD, "results": [ODD, ODD], "more": {ODD: [ODD]}}
    return json.dumps(fields | {"error": {"code": ODD, "message": ODD, "type": ODD}} | more).encode()


def error() -> bytes:
    return json.dumps({"error": {"code": ODD, "message": ODD, "type": ODD, "request_id": ODD}}).encode()


RESPONSES = {
    "failed": whole(200, task()),
    "completed": whole(200, task(status="completed")),
    "odd status": whole(200, task(status=ODD)),
    "error": whole(400, error(), "Content-Type: a\x1b]0;b\x07"),
    "no JSON": whole(200, ODD.encode("utf-8", "surrogatepass"), "Content-Type: a\x9bb"),
    "page": whole(404, f"<html><title>{ODD}</title>".encode("utf-8", "surrogatepass")),
}
NOT_HTTP = b"\x1b]0;title\x07 nonsense\r\n\r\n"
COMMANDS = [
    ("get", "t"),
    ("wait", "t", "--timeout", "0"),
    ("create", "A cat", "--wait", "--timeout", "0"),
    ("credits",),
]


@pytest.mark.parametrize("response", RESPONSES)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("as_json", [(), ("--json",)], ids=["text", "json"])
def test_no_response_controls_the_terminal(command: tuple[str, ...], response: str, as_json: tuple[str, ...]) -> None:
    done = answered(RESPONSES[response], *command, *as_json)
    assert not CONTROL & set(done.stdout + done.stderr)
    assert done.stdout + done.stderr
    if as_json and done.stdout:
        assert json.loads(done.stdout)


def answered(response: bytes, *command: str) -> Ran:
    with hostile(says(response)) as url:
        return ran(main, *command, "--base-url", url, EVOLINK_API_KEY=KEY)


def test_a_server_that_speaks_no_http_controls_no_terminal() -> None:
    done = answered(NOT_HTTP, "create", "A cat")
    assert "got no answer: illegal status line" in done.stderr
    assert not CONTROL & set(done.stdout + done.stderr)


def test_json_has_the_same_values() -> None:
    shown = json.loads(answered(RESPONSES["completed"], "get", "t", "--json").stdout)
    assert (shown["id"], shown["results"], shown["more"]) == (ODD, [ODD, ODD], {ODD: [ODD]})


@pytest.mark.parametrize("as_json", [(), ("--json",)], ids=["text", "json"])
def test_any_encoding_of_the_output_will_do(as_json: tuple[str, ...]) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("EVOLINK_", "LC_", "LANG"))}
    with hostile(says(RESPONSES["completed"])) as url:
        done = subprocess.run(
            [sys.executable, "-m", "evolink_client", "get", "t", "--base-url", url, *as_json],
            env=clean | {"EVOLINK_API_KEY": KEY, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            capture_output=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")
