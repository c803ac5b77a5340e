"""The script of the load guide: what it counts, and that it ends whatever becomes of the callbacks."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pages.markdown_pages import files_of
from tests.support.server_process import PATIENCE, Server

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "load-test.md"
SCRIPT = files_of(GUIDE)["load.py"]

pytestmark = pytest.mark.slow


def load(server: Server, home: Path, *arguments: str, script: str = SCRIPT) -> "subprocess.CompletedProcess[str]":
    (home / "load.py").write_text(script, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "load.py", *arguments],
        cwd=home,
        env={**os.environ, "EVOLINK_BASE_URL": server.url},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )


def deliveries_of(ran: "subprocess.CompletedProcess[str]") -> str:
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--clock", "scaled", "--speed", "100", "--set", "delivery_limit=10") as running:
        yield running


def test_each_run_on_one_emulator_counts_its_own_tasks(server: Server, tmp_path: Path) -> None:
    for count in (8, 5):
        ran = load(server, tmp_path, str(count))
        assert f"creates: {{200: {count}}}" in ran.stdout
        assert f"'total': {count}," in deliveries_of(ran)
        assert f"'delivered': {count}," in deliveries_of(ran)


@pytest.mark.parametrize(
    ("callback", "stage"),
    [("https://sink.mock/500", "exhausted"), ("https://elsewhere.example.com/callback", "unrouted")],
)
def test_it_ends_when_no_callback_is_delivered(server: Server, tmp_path: Path, callback: str, stage: str) -> None:
    assert f"'{stage}': 5," in deliveries_of(load(server, tmp_path, "5", callback))


def test_it_ends_when_more_callbacks_have_ended_than_the_record_keeps(server: Server, tmp_path: Path) -> None:
    assert "'completed': 15," in load(server, tmp_path, "15").stdout


def test_it_ends_when_every_create_is_refused(server: Server, tmp_path: Path) -> None:
    ran = load(server, tmp_path, "5", "http://127.0.0.1/callback")
    assert "creates: {400: 5}" in ran.stdout
    assert "'total': 0," in deliveries_of(ran)


def test_it_gives_up_with_the_figures_when_nothing_changes(tmp_path: Path) -> None:
    impatient = SCRIPT.replace("PATIENCE = 60", "PATIENCE = 0")
    assert impatient != SCRIPT
    with Server("--clock", "manual") as stopped:
        ran = load(stopped, tmp_path, "2", script=impatient)
    assert ran.returncode == 1
    assert ran.stderr.startswith("nothing changed for 0 s\ntasks: {'total': 2, 'pending': 2,")
