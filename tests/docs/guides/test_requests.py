"""The tests of the requests guide pause nowhere, in the processes that they start as well."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pages.markdown_pages import files_of
from tests.support.pytest_plugins import NO_OTHERS

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "requests.md"
PATIENCE = 120.0
RECORDER = """\
import os, sys, time

def sleep(seconds, slept=time.sleep):
    if sys._getframe(1).f_globals["__name__"] != "videos":
        return slept(seconds)
    with open(os.environ["PAUSES"], "a") as pauses:
        pauses.write(f"{os.getpid()} {seconds}\\n")

time.sleep = sleep
"""
"""A `sitecustomize` module: it records each pause of the module `videos`, and makes none."""


@pytest.mark.slow
def test_no_process_of_the_tests_pauses(tmp_path: Path) -> None:
    project, patch = tmp_path / "project", tmp_path / "patch"
    for home, files in ((project, files_of(GUIDE)), (patch, {"sitecustomize.py": RECORDER})):
        home.mkdir()
        for name, text in files.items():
            (home / name).write_text(text, encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("EVOLINK_", "PYTEST_"))}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *NO_OTHERS],
        cwd=project,
        env={**clean, "PYTHONPATH": str(patch), "PAUSES": str(tmp_path / "pauses")},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    pauses = [line.split() for line in (tmp_path / "pauses").read_text(encoding="utf-8").splitlines()]
    assert {seconds for _, seconds in pauses} == {"0.0"}
    assert len({process for process, _ in pauses}) == 2
