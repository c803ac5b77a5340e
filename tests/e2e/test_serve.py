"""`evolink-mock serve` as a user runs it: a fresh process, a real socket."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from evolink_mock.settings import Settings
from tests.support.commands import refused
from tests.support.commands import run as run_here
from tests.support.emulator import DOCUMENTED, Emulator, bearer
from tests.support.server_process import Server


def shell(command: str) -> str:
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout


def test_the_curl_of_the_banner_creates_a_task_that_finishes() -> None:
    if shutil.which("curl") is None:
        pytest.skip("the banner's call is pasted into curl, which is not installed")
    with Server("--clock", "auto") as server:
        lines = server.output.splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith("  curl"))
        task = json.loads(shell("\n".join(lines[start : start + 3])))
        watch = next(line for line in lines if "TASK_ID" in line and "curl" in line).replace("TASK_ID", task["id"])
        seen = [json.loads(shell(watch)) for _ in range(2)]
        assert [answer["status"] for answer in seen] == ["processing", "completed"]
        assert httpx.get(seen[-1]["results"][0]).content[4:8] == b"ftyp"


def test_on_the_real_clock_a_task_passes_through_all_its_states() -> None:
    with Server("--generation-time", "2s") as server, httpx.Client(base_url=server.url, headers=bearer()) as client:
        emulator = Emulator(client)
        task = emulator.create()
        seen: list[tuple[str, int]] = []
        while not seen or seen[-1][0] != "completed":
            body = emulator.query(task).json()
            if not seen or seen[-1] != (body["status"], body["progress"]):
                seen.append((body["status"], body["progress"]))
        assert [progress for _, progress in seen] == sorted(progress for _, progress in seen)
        assert {status for status, _ in seen} == {"pending", "processing", "completed"}
        assert len({progress for _, progress in seen}) > 3


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_answers_who_waits_and_cleans_up(how: signal.Signals) -> None:
    with Server() as server, socket.create_connection(server.address, timeout=10) as waiting:
        request = "GET /__mock/events?wait=60s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk-local\r\n\r\n"
        waiting.sendall(request.encode())
        # The listener answers in order of arrival, so by then the wait has begun.
        assert httpx.get(f"{server.url}/__mock/worlds?all=true").json()["worlds"]
        assert server.stop(how) in (0, -how)
        assert waiting.recv(65536).startswith(b"HTTP/1.1 200")
        assert not server.ready_file.exists()


def test_tls_is_verified_against_the_emulators_own_authority() -> None:
    with Server("--tls") as server:
        assert server.url.startswith("https://")
        authority = server.home / "evolink-mock" / "evolink-mock-ca.pem"
        assert str(authority) in server.output
        context = ssl.create_default_context(cafile=str(authority))
        with httpx.Client(base_url=server.url, verify=context) as client:
            assert Emulator(client).create()
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{server.url}/__mock/health")
        assert (authority.parent / "evolink-mock-ca.key").stat().st_mode & 0o077 == 0


def test_the_authority_is_made_once_and_kept(tmp_path: Path) -> None:
    kept = ("--tls", "--set", f"authority={tmp_path}")
    with Server(*kept):
        first = (tmp_path / "evolink-mock-ca.pem").read_bytes()
    with Server(*kept) as server:
        assert (tmp_path / "evolink-mock-ca.pem").read_bytes() == first
        context = ssl.create_default_context(cafile=str(tmp_path / "evolink-mock-ca.pem"))
        assert httpx.get(f"{server.url}/__mock/ready", verify=context).status_code == 200


def test_the_certificate_names_the_public_host(tmp_path: Path) -> None:
    with Server("--tls", "--set", f"authority={tmp_path}", "--public-url", "https://evolink.test:9") as server:
        context = ssl.create_default_context(cafile=str(tmp_path / "evolink-mock-ca.pem"))
        with (
            socket.create_connection(server.address, timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="evolink.test") as secure,
        ):
            assert secure.version() is not None


def test_json_output_is_one_object_a_line() -> None:
    with Server("--log-format", "json", "--access-log") as server:
        httpx.get(f"{server.url}/v1/credits", headers=bearer())
        httpx.get(f"{server.url}/v1/credits?api_key=sk-secret-1&a=b&X-Auth=open%20sesame")
        httpx.get(f"{server.url}/v1/tasks/sk-secret-2")
        server.stop()
        lines = [json.loads(line) for line in server.output.splitlines()]
    assert lines[0]["event"] == "ready"
    messages = [line.get("message", "") for line in lines]
    assert any("/v1/credits" in message for message in messages)
    assert any("/v1/credits?api_key=…&a=b&X-Auth=…" in message for message in messages)
    assert not any("secret" in message or "sesame" in message for message in messages)


def test_bound_wider_the_token_is_printed_once_and_works() -> None:
    with Server("--host", "0.0.0.0") as server:
        (line,) = [line for line in server.output.splitlines() if "X-Mock-Token" in line]
        token = line.rpartition(" ")[2]
        url = f"{server.url}/__mock/clock"
        assert httpx.get(url, headers=bearer()).status_code == 401
        assert httpx.get(url, headers={**bearer(), "X-Mock-Token": token}).status_code == 200


def test_settings_reach_the_process_from_flags_environment_and_file(tmp_path: Path) -> None:
    file = tmp_path / "evolink.toml"
    file.write_text('clock = "manual"\n[choices]\nbilling_rule = "per_call"\n', encoding="utf-8")
    environ = {"EVOLINK_MOCK_CONFIG": str(file), "EVOLINK_MOCK_KEYS": "sk-only"}
    with Server("--clock-start", "1000", environ=environ) as server:
        answer = httpx.post(f"{server.url}/v1/videos/generations", json=DOCUMENTED, headers=bearer("sk-only")).json()
        assert (answer["created"], answer["usage"]["credits_reserved"]) == (1000, 5)
        assert httpx.get(f"{server.url}/v1/credits", headers=bearer()).status_code == 401


def test_what_cannot_be_is_said_clearly(tmp_path: Path) -> None:
    def stopped(*arguments: str) -> str:
        """As a process, where it has begun to set itself up."""
        with pytest.raises(AssertionError, match="did not start") as failure, Server(*arguments) as server:
            assert server.url
        return str(failure.value)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        in_use = stopped("--port", str(taken.getsockname()[1]))
    assert "Choose another with --port" in in_use
    assert 'make run ARGS="--port 8081"' in in_use
    for foreign in ("192.0.2.1", "no-such-host.invalid"):
        elsewhere = run_here("serve", "--host", foreign, "--port", "0").output
        assert "--host takes an address of this machine" in elsewhere
        assert "another emulator" not in elsewhere
    assert "did you mean 'EVOLINK_MOCK_SEED'?" in refused(EVOLINK_MOCK_SED="1")
    assert "did you mean 'cancelled_as'?" in refused("--set", "canceled_as=cancelled")
    assert "NAME=VALUE" in refused("--set", "cancelled_as")
    assert "its directory is missing" in refused("--ready-file", "/nowhere/ready.json")
    (tmp_path / "evolink-mock-ca.pem").write_text("nonsense", encoding="utf-8")
    (tmp_path / "evolink-mock-ca.key").write_text("nonsense", encoding="utf-8")
    assert "cannot use the certificate authority" in stopped("--tls", "--set", f"authority={tmp_path}")
    assert "cannot read the settings file" in refused("--config", "/nowhere.toml")


def test_a_ready_file_that_an_emulator_left_behind_is_removed_first(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    ready.write_text('{"url": "http://127.0.0.1:1"}', encoding="utf-8")
    assert "cannot listen on" in refused("--ready-file", str(ready))
    assert not ready.exists()
    ready.mkdir()
    assert "it is a directory; name a file" in refused("--ready-file", str(ready))
    assert ready.is_dir()
    os.mkfifo(pipe := tmp_path / "pipe")
    assert "cannot listen on" in refused("--ready-file", str(pipe))
    assert pipe.is_fifo()


def test_help_and_version_and_settings_work_without_a_server() -> None:
    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "evolink_mock", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "--generation-time" in run("serve", "--help")
    assert "0.1.0" in run("--version")
    assert 'cancelled_as = "failed"' in run("settings")
    listed = json.loads(run("settings", "--json"))
    assert {"name": "port", "value": 8080} in [{"name": row["name"], "value": row["value"]} for row in listed]


def test_an_idle_connection_stays_open_as_long_as_set() -> None:
    assert Settings().keep_alive >= 75
    with Server("--set", "keep_alive=1") as server, socket.create_connection(server.address, timeout=30) as kept:
        for path in ("/v1/credits", "/__mock/health"):
            kept.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-a\r\n\r\n".encode())
            assert kept.recv(65536).startswith(b"HTTP/1.1 200")
        # The end of the stream: only the server closes it.
        while kept.recv(65536):
            pass
