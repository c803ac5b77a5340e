"""Every block of every page runs as it stands; see tests/docs/page_run.py for the conventions."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs.page_run import PageRun
from tests.support.pages.markdown_pages import Block, read_blocks

ROOT = Path(__file__).parent.parent.parent
RENDERED = ("docs/reference/", "docs/_build/")
"""Pages that are made from the code; tests of their own hold them to it."""
LOOSE = ("README.md", "client/README.md", "contracts/README.md", "CONTRIBUTING.md")
PAGES = [*LOOSE, *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in PAGES if not page.startswith(RENDERED)]


class Elsewhere(NamedTuple):
    """A block that does not run here: how it begins, why, and the file in which it is tested instead."""

    page: str
    begins: str
    why: str
    tested: str


ELSEWHERE = (
    Elsewhere(
        "docs/how-to/containers.md", "docker compose", "needs a container engine", "tests/docs/test_container.py"
    ),
    Elsewhere("README.md", "make run", "sets up an environment", "tests/e2e/test_install.py"),
    Elsewhere("CONTRIBUTING.md", "make hooks", "changes this repository", ".pre-commit-config.yaml"),
)
"""An entry that no block needs fails a test."""

BEFORE = {
    "README.md": ("evolink-mock serve", "export EVOLINK_API_KEY=sk-page EVOLINK_BASE_URL=http://127.0.0.1:8080"),
    "client/README.md": (
        "evolink-mock serve --clock auto --set result_video=plain",
        "export EVOLINK_API_KEY=sk-page EVOLINK_BASE_URL=http://127.0.0.1:8080",
    ),
    "contracts/README.md": ("evolink-mock serve",),
    "docs/tutorial.md": ("evolink-mock serve",),
}
"""What a page takes for granted: servers that are running, variables that are set."""
SLOW = "docs/how-to/"
"""The guides start dozens of processes, and run with the slow tests; the README and the tutorial run always."""
PROGRAMS = ("curl", "node", "npm")


def blocks_of(page: str) -> list[Block]:
    before = [Block(page, 0, "sh", f"{text}\n") for text in BEFORE.get(page, ())]
    return [*before, *read_blocks(ROOT / page, page)]


def entries_of(block: Block) -> list[Elsewhere]:
    return [entry for entry in ELSEWHERE if entry.page == block.page and block.text.startswith(entry.begins)]


def environment(path: str) -> dict[str, str]:
    """That of this process without the settings of the devkit and of pytest; commands are found in `path` first."""
    left = ("EVOLINK_", "PYTEST_", "VIRTUAL_ENV")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(left)}
    return clean | {"PATH": f"{path}{os.pathsep}{os.environ['PATH']}"} | own_indexes()


def own_indexes() -> dict[str, str]:
    """Where pip and npm find this user's choice of an index, since a page has a home of its own."""
    files = {"PIP_CONFIG_FILE": Path.home() / ".config/pip/pip.conf", "NPM_CONFIG_USERCONFIG": Path.home() / ".npmrc"}
    return {name: str(file) for name, file in files.items() if file.exists() and name not in os.environ}


def require_programs(blocks: list[Block]) -> None:
    """Skip the page where a program that it uses is missing, unless all are required."""
    used = {word for block in blocks for word in re.findall(r"\w+", block.text) if block.language == "sh"}
    missing = [program for program in PROGRAMS if program in used and shutil.which(program) is None]
    if missing and os.environ.get("DEVKIT_BROWSER") == "required":
        pytest.fail(f"{', '.join(missing)} not found; .ci/run installs what the pages need")
    if missing:
        pytest.skip(f"{', '.join(missing)} not found")


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[pytest.mark.slow] * page.startswith(SLOW)) for page in PAGES]
)
def test_a_page_runs_as_it_stands(page: str, tmp_path: Path) -> None:
    blocks = blocks_of(page)
    require_programs(blocks)
    with PageRun(tmp_path, environment(str(Path(sys.executable).parent))) as run:
        left = {block.line for block in blocks if entries_of(block) or not block.without_installing.text.strip()}
        run.run([block.without_installing for block in blocks], lambda block: block.line in left)


def test_a_page_that_is_tested_elsewhere_is_so() -> None:
    listed = [entry for page in PAGES for block in read_blocks(ROOT / page, page) for entry in entries_of(block)]
    assert sorted(set(listed)) == sorted(set(ELSEWHERE)), "an entry names a block that no page has"
    assert [entry for entry in ELSEWHERE if not (ROOT / entry.tested).exists()] == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The devkit as a wheel, in place of the checkout from which the pages install it."""
    home = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(home)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = home.glob("*.whl")
    return built


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(block.installs and not entries_of(block) for block in blocks_of(page))]
)
def test_a_page_that_installs_something_runs_in_a_fresh_environment(page: str, tmp_path: Path, wheel: Path) -> None:
    blocks = blocks_of(page)
    require_programs(blocks)
    fresh = tmp_path / "fresh"
    subprocess.run([sys.executable, "-m", "venv", fresh], check=True)
    subprocess.run([fresh / "bin" / "pip", "install", "--quiet", wheel], check=True, capture_output=True)

    def from_wheel(text: str) -> str:
        return re.sub(r"(pip install .*?)(['\"]?)\.(\[[\w,]+\])?\2(?=\s|$)", rf"\1'{wheel}\3'", text, flags=re.M)

    with PageRun(tmp_path, environment(str(fresh / "bin")), replaced=from_wheel, patience=600.0) as run:
        run.run(blocks, lambda block: bool(entries_of(block)))
