"""The README's tour, run as it stands; and its Python example."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evolink_mock.core.task import SCENARIO_SOURCES
from evolink_mock.scenarios.language import WORDS
from evolink_mock.scenarios.wire_faults import WIRE_FAULTS
from tests.support.commands import run
from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.pytest_plugins import NO_OTHERS
from tests.support.server_process import Server

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)

ELSEWHERE = {
    "make run": "tests/e2e/test_install.py",
    "evolink-mock serve --callback-route": "tests/e2e/callbacks/test_callbacks.py",
    "evolink-mock doctor": "tests/e2e/callbacks/test_callback_commands.py",
    "evolink-contracts run": "tests/contracts/cli/test_kit_command.py",
    "evolink-mock check": "tests/mockserver/scenarios/test_file.py",
    "evolink-mock explain": "tests/mockserver/control/test_explain.py",
    "pip install 'evolink-devkit[media]'\nevolink-mock serve --media-route": "tests/mockserver/api/test_input_files.py",
    "curl -s http://127.0.0.1:8080/api/v1/files": "tests/mockserver/api/test_files.py",
    "docker compose up --build": "tests/docs/test_container.py",
}
"""Commands that this file does not run, and where they are run or why they cannot be."""


def tour() -> list[tuple[str, str]]:
    """Each shell block of the tour with what it shall print."""
    section = README.partition("## A tour")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert [kind for kind, _ in blocks] == ["sh", "text"] * (len(blocks) // 2)
    return [(blocks[place][1], blocks[place + 1][1]) for place in range(0, len(blocks), 2)]


def as_pattern(expected: str) -> re.Pattern[str]:
    return re.compile(".*?".join(re.escape(part) for part in expected.strip().split("…")))


def test_the_tour_prints_what_it_says(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("the tour is made of curl calls, and curl is not installed")
    steps = tour()
    mark = "=== next block ==="
    script = f"\necho; echo '{mark}'\n".join(step for step, _ in steps)
    with Server() as server:
        # A script expands no aliases unless told to; a person's shell does.
        shell = ["bash", "-O", "expand_aliases", "-euo", "pipefail", "-c", script]
        environ = {**os.environ, "EVOLINK_BASE_URL": server.url}
        ran = subprocess.run(shell, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    printed = ran.stdout.split(mark)
    assert len(printed) == len(steps)
    for (step, expected), output in zip(steps, printed, strict=True):
        assert as_pattern(expected).fullmatch(output.strip()), f"{step}\nprinted\n{output}"


def test_every_other_command_is_run_somewhere() -> None:
    section = README.partition("## A tour")
    outside = section[0] + section[2].partition("\n## ")[2]
    for kind, text in re.findall(r"^```(\w+)\n(.*?)^```$", outside, re.MULTILINE | re.DOTALL):
        if kind == "sh" and not text.startswith("export EVOLINK_BASE_URL="):
            (home,) = [where for command, where in ELSEWHERE.items() if text.startswith(command)]
            assert (ROOT / home).exists()


def test_the_python_example_runs() -> None:
    (example,) = [text for kind, text in BLOCKS if kind == "python" and "create_app(Settings" in text]
    exec(compile(example, "README.md", "exec"), {})


def test_the_example_of_a_test_passes(tmp_path: Path) -> None:
    (example,) = [text for kind, text in BLOCKS if kind == "python" and "evolink_callbacks" in text]
    (tmp_path / "test_example.py").write_text(example, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", *NO_OTHERS, "-W", "error"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed" in ran.stdout, ran.stdout


def test_the_example_of_the_client_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = [text for kind, text in BLOCKS if kind == "python" and "evolink_client" in text]
    monkeypatch.chdir(tmp_path)
    with Server("--clock", "auto", "--generation-time", "1s") as server:
        monkeypatch.setenv("EVOLINK_API_KEY", "sk-readme")
        monkeypatch.setenv("EVOLINK_BASE_URL", server.url)
        exec(compile(example, "README.md", "exec"), {})
    assert (tmp_path / "cat.mp4").read_bytes()[4:8] == b"ftyp"


def test_the_settings_example_is_accepted(tmp_path: Path) -> None:
    from evolink_mock.settings import load_settings

    (example,) = [text for kind, text in BLOCKS if kind == "toml" and "[[rule]]" not in text]
    file = tmp_path / "evolink.toml"
    file.write_text(example, encoding="utf-8")
    loaded = load_settings(file=file)
    assert loaded.keys["sk-poor"].balance == 20.0
    assert loaded.choices.cancelled_as == "cancelled"


def test_the_example_of_a_scenario_file_does_what_is_said_of_it(tmp_path: Path) -> None:
    (example,) = [text for kind, text in BLOCKS if kind == "toml" and "[[rule]]" in text]
    file = tmp_path / "scenarios.toml"
    file.write_text(example, encoding="utf-8")
    assert run("check", str(file)).stdout == f"{file}: 2 rules, nothing wrong\n"
    with Emulator.in_process(scenarios=str(file)) as emulator:
        answers = [emulator.post(DOCUMENTED) for _ in range(104)]
        assert [(answer.status_code, answer.headers.get("retry-after")) for answer in answers[:5]] == [
            *[(429, "5")] * 3,
            *[(200, None)] * 2,
        ]
        emulator.advance("20s")
        tasks = emulator.control("tasks?limit=101")["tasks"]
        assert 20 < [task["status"] for task in tasks].count("failed") < 60
        assert tasks[-1]["status"] == "completed"


def test_it_names_every_scenario_source_in_order_and_every_word() -> None:
    section = README.partition("## Fault injection (scenarios)")[2].partition("\n## ")[0]
    assert re.findall(r"^\| (prompt|header|queued|key|file|default) \|", section, re.MULTILINE) == list(
        SCENARIO_SOURCES
    )
    for word in (*WORDS, "flap"):
        assert f"`{word}=" in section, word
    for fault in WIRE_FAULTS:
        assert f"`{fault}`" in section, fault


def test_the_pictures_are_there() -> None:
    shown = re.findall(r'(?:src|srcset)="([^"]+\.png)"', README)
    assert len(shown) == 2
    for name in shown:
        head = (ROOT / name).read_bytes()[:24]
        assert head.startswith(b"\x89PNG")
        assert (int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")) == (1280, 720)
