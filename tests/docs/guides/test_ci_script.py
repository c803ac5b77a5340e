"""The script of the CI guide: it leaves nothing running, and its report is that of its own run."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.pages.markdown_pages import files_of
from tests.support.server_process import PATIENCE

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "ci.md"
SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
DEFAULTS = f"import os, signal, sys; [signal.signal(n, signal.SIG_DFL) for n in {tuple(map(int, SIGNALS))}]; "
"""A shell cannot trap a signal that was ignored when it started, and whatever runs the tests may ignore some."""
CREATE = """\
curl -sS "$EVOLINK_BASE_URL/v1/videos/generations" -H "Authorization: Bearer sk-test-1" \
  -H "Content-Type: application/json" -d '{"model": "wan2.6-text-to-video", "prompt": "A cat"}'
"""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("curl") is None, reason="curl not found")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "with-evolink.sh").write_text(files_of(GUIDE)["with-evolink.sh"], encoding="utf-8")
    return tmp_path


def start(project: Path, *command: str, shell: str = "sh") -> "subprocess.Popen[str]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EVOLINK_")}
    return subprocess.Popen(
        [sys.executable, "-c", f"{DEFAULTS}os.execvp(sys.argv[1], sys.argv[1:])", shell, "with-evolink.sh", *command],
        cwd=project,
        env={**clean, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(project: Path, *command: str, given: str = "") -> tuple[int, str]:
    """The exit status and the output."""
    with start(project, *command) as process:
        output, _ = process.communicate(given, PATIENCE)
        return process.returncode, output


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("how", SIGNALS, ids=lambda how: how.name)
def test_a_signal_stops_the_command_and_the_emulator(project: Path, how: signal.Signals, shell: str) -> None:
    with start(project, "sh", "-c", 'echo "$$ $EVOLINK_BASE_URL"; exec sleep 600', shell=shell) as process:
        assert process.stdout is not None
        command, url = process.stdout.readline().split()
        assert httpx.get(f"{url}/__mock/ready").status_code == 200
        process.send_signal(how)
        assert process.wait(PATIENCE) == 128 + how
    with pytest.raises(ProcessLookupError):
        os.kill(int(command), 0)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/__mock/ready")


@pytest.mark.parametrize("status", [0, 7])
def test_the_command_has_the_input_and_its_status_is_that_of_the_script(project: Path, status: int) -> None:
    ended, output = run(project, "sh", "-c", f'cat; echo "$EVOLINK_BASE_URL"; exit {status}', given="a line\n")
    line, url = output.splitlines()
    assert (ended, line) == (status, "a line")
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/__mock/ready")


def test_a_report_has_nothing_of_an_earlier_run_and_other_files_stay(project: Path) -> None:
    report = project / "evolink-report"
    assert run(project, "sh", "-c", f"{CREATE}exit 1")[0] == 1
    (explained,) = report.glob("task-unified-*.txt")
    assert "scenario" in explained.read_text(encoding="utf-8")
    (report / "contract.xml").touch()
    assert run(project, "false")[0] == 1
    listed = {path.name for path in report.iterdir()}
    assert listed == {"contract.xml", "emulator.log", "journal.json", "statistics.json", "tasks.json"}
    assert run(project, "true")[0] == 0
    assert {path.name for path in report.iterdir()} == {"contract.xml", "emulator.log"}
