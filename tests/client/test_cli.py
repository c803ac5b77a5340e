"""`evolink` at a prompt and in a script: what it prints, what it writes, and with which code it ends."""

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evolink_client.cli import main
from tests.support.commands import Ran, ran
from tests.support.receivers import Receiver, whole
from tests.support.server_process import Server
from tests.support.terminal import on_a_terminal

NUMBERS = itertools.count()
IMAGE = ("--image", "https://example.com/cat.png")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--clock", "auto", "--generation-time", "1s") as server:
        yield server


class Command:
    """`evolink` with a key of its own, in this process."""

    def __init__(self, server: Server, key: str) -> None:
        self.environ = {"EVOLINK_BASE_URL": server.url, "EVOLINK_API_KEY": key}

    def __call__(self, *arguments: str) -> Ran:
        return ran(main, *arguments, **self.environ)

    def in_its_own(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """As a process."""
        command = [sys.executable, "-m", "evolink_client", *arguments]
        environ = {**os.environ, **self.environ}
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def evolink(server: Server) -> Command:
    return Command(server, f"sk-{next(NUMBERS)}")


def test_a_video_is_made_waited_for_and_fetched_in_one_call(evolink: Command, tmp_path: Path) -> None:
    made = evolink.in_its_own("create", "A cat", *IMAGE, "--duration", "5", "--out", str(tmp_path / "cat.mp4"))
    assert (made.returncode, made.stdout) == (0, f"{tmp_path / 'cat.mp4'}\n")
    assert re.fullmatch(r"task-unified-\S+: created, waiting\n", made.stderr)
    assert (tmp_path / "cat.mp4").read_bytes()[4:8] == b"ftyp"


def test_step_by_step(evolink: Command, tmp_path: Path) -> None:
    task = evolink("create", "A cat", *IMAGE).stdout.strip()
    assert task.startswith("task-unified-")
    assert evolink("get", task).stdout.startswith(("pending, 0 %", "processing, "))
    url = evolink("wait", task).stdout.strip()
    assert url.endswith(f"{task}.mp4")
    assert evolink("get", task).stdout == f"completed, 100 %\n{url}\n"
    fetched = evolink("download", task, str(tmp_path / "cat.mp4"))
    assert fetched.stdout == f"{tmp_path / 'cat.mp4'}: {(tmp_path / 'cat.mp4').stat().st_size} bytes\n"
    assert evolink("credits").stdout == "unlimited, 11.9 used\n"


def test_in_a_script_it_speaks_json(evolink: Command) -> None:
    task = json.loads(evolink("create", "A cat", *IMAGE, "--json", "--idempotency-key", "0123456789abcdef").stdout)
    assert (task["status"], task["usage"]["credits_reserved"], task["object"]) == (
        "pending",
        11.9,
        "video.generation.task",
    )
    again = json.loads(evolink("create", "A cat", *IMAGE, "--json", "--idempotency-key", "0123456789abcdef").stdout)
    assert (again["id"], again["replayed"]) == (task["id"], True)
    done = json.loads(evolink("wait", task["id"], "--json").stdout)
    assert (done["status"], len(done["results"])) == ("completed", 1)
    assert json.loads(evolink("credits", "--json").stdout)["token"]["used_credits"] == 11.9


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("create", "A cat", "--duration", "99", *IMAGE), 2, "duration must be a whole number of seconds from 2 to 15"),
        (("create", "A cat", "--model", "wan2.6-image-to-video"), 2, "--image is required for wan2.6-image-to-video"),
        (("create", "A cat", *IMAGE, "--audio", "x"), 2, "--audio must be a URL that begins with http"),
        (("create", "A cat", *IMAGE, "--callback-url", "http://a.test"), 2, "--callback-url must be a URL that begins"),
        (("create", "A cat", "--idempotency-key", "short"), 2, "--idempotency-key must have 16 to 96 letters"),
        (("create",), 2, "Missing argument 'PROMPT'"),
        (("get", "nonsense"), 1, "400 invalid_task_id: Invalid task ID format"),
        (("create", "[[mock: create=insufficient_quota]]", *IMAGE), 1, "402 insufficient_quota: Insufficient quota."),
        (("create", "[[mock: create=empty]]", *IMAGE), 1, "got no answer"),
        (("create", "[[mock: fail=service_error]]", *IMAGE, "--wait"), 3, "try again after 30 to 60 seconds"),
        (("create", "A cat", *IMAGE, "--out", "/nowhere/cat.mp4"), 2, "/nowhere is no directory that can be written"),
        (("create", "A cat", *IMAGE, "--out", ""), 2, "'--out': is empty, where the name of a file belongs"),
        (("download", "t", ""), 2, "is empty, where the name of a file belongs"),
        (("create", "A cat", *IMAGE, "--out", "cats/"), 2, "cats/ is the name of a directory"),
        (("create", "A cat", *IMAGE, "--out", "/"), 2, "/ is the name of a directory"),
        (("create", "A cat", *IMAGE, "--out", "."), 2, ". is no regular file"),
        (("create", "A cat", *IMAGE, "--out", "/dev/null"), 2, "/dev/null is no regular file"),
        (("create", "A cat", *IMAGE, "--out", f"{__file__}/cat.mp4"), 2, "is no directory that can be written"),
        (("create", "A cat", *IMAGE, "--out", "x" * 300), 2, "is no name of a file: File name too long"),
        *((("wait", "t", "--timeout", value), 2, "'--timeout': ") for value in ("nan", "inf", "-1", "1e999", "x")),
        (("--base-url", "api.evolink.ai", "credits"), 2, "the base URL must be such as https://api.evolink.ai"),
        (("--base-url", "", "credits"), 2, "the base URL is empty: give one such as https://api.evolink.ai"),
        (("credits", "--base-url", ""), 2, "the base URL is empty: give one such as https://api.evolink.ai"),
        (("credits", "--base-url", "http://[::1"), 2, "the base URL must be such as https://api.evolink.ai"),
        (("credits", "--base-url", "http://127.0.0.1:9#f"), 2, "got 'http://127.0.0.1:9#…'"),
    ],
)
def test_what_goes_wrong_is_said_in_a_line_and_by_the_code(
    evolink: Command, arguments: tuple[str, ...], code: int, says: str
) -> None:
    done = evolink(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_key_it_says_where_to_put_one(evolink: Command) -> None:
    evolink.environ["EVOLINK_API_KEY"] = ""
    done = evolink("credits")
    assert (done.returncode, done.stderr) == (2, "Error: there is no API key: set EVOLINK_API_KEY\n")


def test_on_a_terminal_it_shows_how_far_it_is_and_leaves_the_line_clean(evolink: Command, tmp_path: Path) -> None:
    file = tmp_path / "cat [bold].mp4"
    command = [sys.executable, "-m", "evolink_client", "create", "A cat", *IMAGE, "--out", str(file)]
    code, printed, seen = on_a_terminal(command, {**os.environ, **evolink.environ, "COLUMNS": "100"})
    assert (code, printed) == (0, f"{file}\n")
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    assert "completed" in shown
    assert "fetching" in shown
    assert "cat [bold].mp4" in shown
    assert re.search(r"task-unified-\S+ ━+ ", shown)
    # The cursor comes back, and the last bar is erased.
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")
    assert "\x1b[2K" in seen


def test_what_the_service_says_does_not_steer_the_terminal(evolink: Command) -> None:
    body = json.dumps({"error": {"code": "x", "message": "\x1b]0;owned\x07 \x9b31m", "type": "t"}}).encode()
    with Receiver(whole(400, body)) as receiver:
        evolink.environ["EVOLINK_BASE_URL"] = receiver.place
        done = evolink("credits")
    assert done.returncode == 1
    assert done.stderr == "Error: 400 x: �]0;owned� �31m\n"


def test_a_prompt_alone_makes_a_video_from_text_and_one_with_an_image_from_that(evolink: Command) -> None:
    made = {name: json.loads(evolink("create", "A cat", *more, "--json").stdout) for name, more in MODELS.items()}
    assert {name: task["model"] for name, task in made.items()} == {
        "text": "wan2.6-text-to-video",
        "image": "wan2.6-image-to-video-flash",
        "named": "wan2.6-image-to-video",
    }


MODELS = {"text": (), "image": IMAGE, "named": (*IMAGE, "--model", "wan2.6-image-to-video")}


def test_the_base_url_is_taken_after_the_subcommand_too(evolink: Command) -> None:
    url = evolink.environ.pop("EVOLINK_BASE_URL")
    assert (
        evolink("--base-url", url, "credits").stdout
        == evolink("credits", "--base-url", url).stdout
        == ("unlimited, 0 used\n")
    )
    evolink.environ["EVOLINK_BASE_URL"] = "http://127.0.0.1:9"
    assert evolink("credits", "--base-url", url).returncode == 0
    assert evolink("--base-url", url, "credits").returncode == 0
    assert evolink("--base-url", "http://127.0.0.1:9", "credits", "--base-url", url).returncode == 0


def test_a_server_that_is_down_and_a_base_url_that_ends_in_v1_are_named(evolink: Command) -> None:
    url = evolink.environ["EVOLINK_BASE_URL"]
    down = evolink("credits", "--base-url", "http://127.0.0.1:9")
    assert down.returncode == 1
    assert "GET http://127.0.0.1:9/v1/credits got no answer: " in down.stderr
    assert "nothing listens there: is the server running" in down.stderr
    doubled = evolink("credits", "--base-url", f"{url}/v1")
    assert doubled.returncode == 1
    assert f"the base URL {url}/v1 ends in /v1, which the client adds itself: write {url}\n" in doubled.stderr
    evolink.environ["EVOLINK_API_KEY"] = "sk-invalid-key"
    refused = evolink("credits")
    assert refused.stderr.startswith("Error: 401: ")
    assert refused.stderr.endswith(f"; is the API key right for {url}?\n")


@pytest.mark.parametrize("status", [200, 404, 502])
def test_a_page_of_a_foreign_server_is_named_by_its_title(evolink: Command, status: int) -> None:
    page = b"<!DOCTYPE html><html><head><title>Welcome to nginx!</title></head><body>" + b"<p>x</p>" * 999
    with Receiver(whole(status, page, "Content-Type: text/html")) as receiver:
        done = evolink("get", "task-unified-1-aaaaaaaa", "--base-url", receiver.place)
    assert done.returncode == 1
    assert "an HTML page titled 'Welcome to nginx!'" in done.stderr.replace('"', "'")
    assert f"is {receiver.place} the base URL of EvoLink's API, or of an emulator of it?" in done.stderr
    assert len(done.stderr) < 300


def test_every_command_has_a_short_help_and_its_exit_codes(evolink: Command) -> None:
    overview = evolink("--help").stdout
    assert "..." not in overview.replace("COMMAND [ARGS]...", "")
    assert "_EVOLINK_COMPLETE=bash_source" in overview
    for command in main.commands:
        assert "Exit codes: 0 success; 1 " in " ".join(evolink(command, "--help").stdout.split())
