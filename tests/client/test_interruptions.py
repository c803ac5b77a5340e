"""A task that was paid for is never lost: Ctrl+C, signals, time-outs and lost connections name it and the way on."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from evolink_client.cli import main
from tests.support.commands import ran
from tests.support.receivers import Receiver, whole
from tests.support.server_process import Server

STUCK = "[[mock: stuck=99]] A cat"
TASK = r"task-unified-\d+-\w{8}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--generation-time", "5s") as server:
        yield server


@contextmanager
def started(url: str, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    """The command as a process, whose SIGINT is not ignored, as a shell script would have it."""
    # Not measured: coverage would handle SIGTERM in the place of the command.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    environ |= {"EVOLINK_BASE_URL": url, "EVOLINK_API_KEY": "sk-interrupted"}
    command = [sys.executable, "-m", "evolink_client", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environ, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    return process.stderr.readline()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("as_json", [False, True])
def test_an_interrupted_create_names_its_task(server: Server, number: signal.Signals, code: int, as_json: bool) -> None:
    with started(server.url, "create", STUCK, "--wait", *(["--json"] if as_json else [])) as process:
        before = first_line(process)
        found = re.fullmatch(rf"({TASK}): created, waiting\n", before)
        assert found, before
        process.send_signal(number)
        printed, said = process.communicate(timeout=30)
    task = found[1]
    assert process.returncode == code
    assert (json.loads(printed)["id"] if as_json else printed) == (task if as_json else f"{task}\n")
    assert f"{task} goes on; evolink wait {task} waits for it again\n" in said
    assert "Traceback" not in said
    assert "Aborted" not in said


def test_an_interrupted_wait_names_its_task_and_how_it_was_called(server: Server, tmp_path: Path) -> None:
    given = {"EVOLINK_BASE_URL": server.url, "EVOLINK_API_KEY": "sk-interrupted"}
    task = ran(main, "create", STUCK, **given).stdout.strip()
    out = str(tmp_path / "a cat.mp4")
    with started("http://127.0.0.1:9", "wait", task, "--out", out, "--base-url", server.url) as process:
        assert first_line(process) == f"{task}: waiting\n"
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=30)
    assert (process.returncode, printed) == (130, f"{task}\n")
    assert f"evolink wait {task} --out '{out}' --base-url {server.url} waits for it again" in said


def test_an_interrupted_download_leaves_no_file_and_names_the_way_on(tmp_path: Path) -> None:
    with Receiver("drip_body") as files:
        body = {"id": "t", "status": "completed", "progress": 100, "results": [f"{files.place}/v.mp4"]}
        with (
            Receiver(whole(200, json.dumps(body).encode())) as api,
            started(api.place, "download", "t", str(tmp_path / "cat.mp4")) as process,
        ):
            files.wait_for(1)
            process.send_signal(signal.SIGINT)
            printed, said = process.communicate(timeout=30)
    assert (process.returncode, printed) == (130, "t\n")
    assert f"t is completed; evolink download t {tmp_path / 'cat.mp4'} fetches it again" in said
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_create_request_names_the_key_that_finds_its_task() -> None:
    with Receiver("timeout") as api, started(api.place, "create", "A cat", "--wait", "--json") as process:
        (request,) = api.wait_for(1)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=30)
    key = request.headers["idempotency-key"]
    assert (process.returncode, printed) == (130, "")
    assert "It is not known whether a task was created and billed." in said
    assert f"--idempotency-key {key} finds that task, or creates it once" in said


def test_a_create_without_an_answer_names_the_key_too_but_not_if_nothing_was_sent() -> None:
    with Receiver(b"") as api:
        given = {"EVOLINK_BASE_URL": api.place, "EVOLINK_API_KEY": "sk-lost"}
        done = ran(main, "create", "A cat", "--idempotency-key", "0123456789abcdef", **given)
    assert done.returncode == 1
    assert "--idempotency-key 0123456789abcdef finds that task, or creates it once" in done.stderr
    down = ran(main, "create", "A cat", "--base-url", "http://127.0.0.1:9", **given)
    assert down.returncode == 1
    assert "idempotency-key" not in down.stderr


CREATED = whole(200, json.dumps({"id": "t", "status": "pending"}).encode())


def test_a_wait_that_loses_its_connection_or_its_time_names_the_task(server: Server) -> None:
    with Receiver(CREATED, whole(404)) as api:
        done = ran(main, "create", "A cat", "--wait", EVOLINK_BASE_URL=api.place, EVOLINK_API_KEY="sk-lost")
    assert (done.returncode, done.stdout) == (1, "t\n")
    assert "\nt goes on; evolink wait t waits for it again\n" in done.stderr
    given = {"EVOLINK_BASE_URL": server.url, "EVOLINK_API_KEY": "sk-interrupted"}
    done = ran(main, "create", STUCK, "--wait", "--timeout", "0", **given)
    assert done.returncode == 4
    assert "is still p" in done.stderr
    found = re.search(rf"\n({TASK}) goes on; evolink wait \1 waits for it again\n", done.stderr)
    assert found
    assert done.stdout == f"{found[1]}\n"
    done = ran(main, "wait", found[1], "--timeout", "0", "--json", **given)
    assert (done.returncode, json.loads(done.stdout)["id"]) == (4, found[1])
    failed = ran(main, "create", "[[mock: fail=service_error]]", "--wait", "--timeout", "60", **given)
    assert (failed.returncode, failed.stdout) == (3, "")
    assert "goes on" not in failed.stderr


@pytest.mark.parametrize("as_json", [False, True])
def test_a_closed_pipe_does_not_lose_the_task(as_json: bool) -> None:
    with Receiver(CREATED) as api, started(api.place, "create", "A cat", *(["--json"] if as_json else [])) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        process.wait(30)
    assert process.returncode == 1
    assert said == (
        "Error: cannot write the standard output: Broken pipe\nt was created; evolink wait t waits for it\n"
    )


COMPLETED = {"id": "t", "status": "completed", "progress": 100}


def through_a_shell(url: str, line: str, *before: str) -> "subprocess.CompletedProcess[str]":
    """A line of bash in which `evolink` is the command; `before` are further lines."""
    command = f"{shlex.quote(sys.executable)} -m evolink_client"
    environ = {**os.environ, "EVOLINK_BASE_URL": url, "EVOLINK_API_KEY": "sk-shell"}
    script = "\n".join([f'evolink() {{ {command} "$@"; }}', *before, line])
    return subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("as_json", ["", "--json"])
def test_a_standard_error_that_is_not_read_does_not_lose_the_task(tmp_path: Path, as_json: str) -> None:
    body = {**COMPLETED, "results": ["https://x.example/v.mp4"]}
    with Receiver(CREATED, whole(200, json.dumps(body).encode())) as api:
        done = through_a_shell(
            api.place,
            # The pipe is closed before the command begins, since its writer waits for that.
            f"{{ sleep 0 < hold; evolink create hi --wait {as_json} 2>&1 >file; echo $? >code; }} | exec <&- >hold",
            f"cd {shlex.quote(str(tmp_path))}; mkfifo hold",
        )
    assert (tmp_path / "code").read_text(encoding="utf-8") == "0\n", done
    printed = (tmp_path / "file").read_text(encoding="utf-8")
    assert (json.loads(printed)["id"] if as_json else printed) == ("t" if as_json else "https://x.example/v.mp4\n")


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full"])
def test_without_a_standard_error_a_time_out_prints_the_id(closed: str) -> None:
    with Receiver(CREATED) as api:
        done = through_a_shell(api.place, f"evolink create hi --wait --timeout 0 {closed}")
    assert (done.returncode, done.stdout) == (4, "t\n")


def test_a_standard_output_that_is_closed_is_an_error_that_names_the_task() -> None:
    with Receiver(CREATED) as api:
        done = through_a_shell(api.place, "evolink create hi >&-")
    assert done.returncode == 1
    assert done.stderr == (
        "Error: cannot write the standard output: Bad file descriptor\nt was created; evolink wait t waits for it\n"
    )


def test_a_disk_that_is_full_names_the_file_and_the_task(tmp_path: Path) -> None:
    with Receiver(whole(200, b"x" * 100_000)) as files:
        body = {**COMPLETED, "results": [f"{files.place}/v.mp4"]}
        with Receiver(CREATED, whole(200, json.dumps(body).encode())) as api:
            line = f"evolink create hi --out {shlex.quote(str(tmp_path / 'cat.mp4'))}"
            done = through_a_shell(api.place, line, "ulimit -f 1")
    assert (done.returncode, done.stdout) == (1, "t\n")
    assert (
        f"Error: cannot write {tmp_path / 'cat.mp4'}: File too large\nt is completed; evolink download" in done.stderr
    )
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_many_bytes_is_a_name(tmp_path: Path) -> None:
    name = "🐈" * 62
    with Receiver(whole(200, b"x")) as files:
        body = {**COMPLETED, "results": [f"{files.place}/v.mp4"]}
        with Receiver(whole(200, json.dumps(body).encode())) as api:
            given = {"EVOLINK_BASE_URL": api.place, "EVOLINK_API_KEY": "sk-long"}
            done = ran(main, "download", "t", str(tmp_path / name), **given)
    assert (done.returncode, [file.name for file in tmp_path.iterdir()]) == (0, [name])
