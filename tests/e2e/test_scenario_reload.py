"""A scenario file may change at any moment, and a process may die: no request is lost, no count forgotten."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.server_process import Server

RULE = '[[rule]]\nscenario = "fail=upstream:{}"\n'
CONTENTS = [RULE.format("A" * 40), RULE.format("B" * 40) + "# longer\n" * 500, "[[rule", RULE.format("C" * 40)]


@pytest.mark.slow
def test_reloads_under_load_drop_no_request(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(CONTENTS[0], encoding="utf-8")
    done = threading.Event()
    with Server("--clock", "manual", "--scenarios", str(file)) as server:

        def create(number: int) -> set[int]:
            statuses = set()
            with httpx.Client(base_url=server.url, timeout=30) as client:
                emulator = Emulator(client, f"sk-{number}")
                while not done.is_set():
                    statuses.add(emulator.post(DOCUMENTED).status_code)
            return statuses

        with ThreadPoolExecutor(4) as pool, httpx.Client(base_url=server.url) as client:
            creating = [pool.submit(create, number) for number in range(4)]
            try:
                emulator = Emulator(client)
                for number in range(40):
                    content = CONTENTS[number % len(CONTENTS)]
                    if number % 2:
                        file.write_text(content, encoding="utf-8")
                    else:
                        (tmp_path / "new").write_text(content, encoding="utf-8")
                        (tmp_path / "new").replace(file)
                    if content != CONTENTS[2]:
                        name = content.split('"')[1]
                        while planned(emulator) != name:
                            assert not any(each.done() for each in creating)
                shown = emulator.control("scenarios")["file"]
                assert shown["error"] is None
                assert shown["loads"] > 20
            finally:
                done.set()
        assert [each.result() for each in creating] == [{200}] * 4
        assert decided(server) == {f"fail=upstream:{letter * 40}" for letter in "ABC"}


def planned(emulator: Emulator) -> str:
    """The scenario of a task that is created now."""
    return str(emulator.control(f"tasks/{emulator.create()}")["scenario"])


def decided(server: Server) -> set[str]:
    """The scenarios of the newest tasks of all keys."""
    with httpx.Client(base_url=server.url, timeout=30) as client:
        emulator = Emulator(client)
        rows = emulator.control("tasks?all=true&limit=1000")["tasks"]
        return {str(emulator.control(f"tasks/{row['id']}?all=true")["scenario"]) for row in rows}


def test_what_was_used_survives_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('[[rule]]\nscenario = "create=rate_limited"\ntimes = 9\n', encoding="utf-8")
    options = ("--clock", "manual", "--scenarios", str(file), "--state", str(tmp_path / "state"))
    statuses: list[int] = []
    for _ in range(4):
        with Server(*options) as server, httpx.Client(base_url=server.url, timeout=30) as client:
            emulator = Emulator(client)
            if not statuses:
                emulator.control("scenarios", {"scenario": "create=internal_error", "times": 5})
            statuses += [emulator.post(DOCUMENTED).status_code for _ in range(4)]
            assert server.stop(signal.SIGKILL) == -9
    assert statuses == [500] * 5 + [429] * 9 + [200] * 2
