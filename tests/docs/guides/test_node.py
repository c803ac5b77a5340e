"""The Node tests of the guide for other languages: which emulator they use, and which they refuse."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pages.markdown_pages import files_of
from tests.support.receivers import Receiver
from tests.support.server_process import PATIENCE, Server

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "other-languages.md"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("node") is None, reason="node not found")]


def run_tests(home: Path, url: str) -> "subprocess.CompletedProcess[str]":
    for name, text in files_of(GUIDE).items():
        (home / name).write_text(text, encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["node", "--test", "--test-reporter=tap", "videos.test.mjs"],
        cwd=home,
        env={**os.environ, "PATH": path, "EVOLINK_BASE_URL": url},
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("clock", ["real", "manual", "scaled"])
def test_they_refuse_an_emulator_whose_clock_is_not_automatic(tmp_path: Path, clock: str) -> None:
    with Server("--clock", clock) as server:
        ran = run_tests(tmp_path, server.url)
        assert "POST /v1/videos/generations" not in server.output
    assert ran.returncode == 1
    said = f"EVOLINK_BASE_URL is {server.url}, but its clock is {clock}, and these tests need --clock auto; unset it"
    assert said in ran.stdout


def test_they_refuse_an_address_at_which_something_else_answers(tmp_path: Path) -> None:
    with Receiver(404) as other:
        ran = run_tests(tmp_path, other.place)
    assert ran.returncode == 1
    assert f"EVOLINK_BASE_URL is {other.place}, but GET /__mock/clock answered 404" in ran.stdout


def test_they_name_the_variable_when_nothing_answers_there(tmp_path: Path) -> None:
    with Receiver(404) as nothing:
        nothing.refuse()
        ran = run_tests(tmp_path, nothing.place)
    assert ran.returncode == 1
    assert f"EVOLINK_BASE_URL is {nothing.place}, but nothing answers there" in ran.stdout


def test_they_use_an_emulator_with_an_automatic_clock(tmp_path: Path) -> None:
    with Server("--clock", "auto") as server:
        ran = run_tests(tmp_path, server.url)
        assert "POST /v1/videos/generations" in server.output
    assert ran.returncode == 0, ran.stdout
