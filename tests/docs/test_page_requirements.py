"""Each page says how to install what its blocks import: the devkit's dependencies alone come with the devkit."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support.pages.markdown_pages import read_blocks

ROOT = Path(__file__).parent.parent.parent
PAGES = ["README.md", "client/README.md", "contracts/README.md"]
PAGES += sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md") if "reference" not in path.parts)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OWN = {"evolink_client", "evolink_contracts", "evolink_mock"}
_IMPORT = re.compile(r"^\s*(?:python3? -c ['\"])?(?:import|from) (\w+)|python3? -c ['\"](?:import|from) (\w+)", re.M)
_RUNS_PYTEST = re.compile(r"^(?:python3? -m )?pytest\b", re.M)
_INSTALLED = re.compile(r"pip install (?P<names>[^#\n]*)")
_EXTRA = re.compile(r"\.\[([\w,]+)\]")


def names_of(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in requirements}


def installed_on(text: str) -> set[str]:
    """The distributions that the commands of a page install, with those of the extras that they name."""
    found = names_of(PROJECT["dependencies"])
    for command in _INSTALLED.finditer(text):
        found |= {word.lower() for word in command["names"].split()}
        for extras in _EXTRA.findall(command["names"]):
            for extra in extras.split(","):
                found |= names_of(PROJECT["optional-dependencies"][extra])
    return found


def imported_on(page: Path) -> set[str]:
    """The modules of others that the blocks of a page import, and pytest where a block runs it."""
    blocks = [block for block in read_blocks(page, page.name) if block.language in ("python", "sh")]
    files = {Path(block.file).stem for block in blocks if block.file}
    found = {name for block in blocks for names in _IMPORT.findall(block.text) for name in names if name}
    if any(_RUNS_PYTEST.search(block.text) for block in blocks if block.language == "sh"):
        found.add("pytest")
    return found - files - OWN - set(sys.stdlib_module_names)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_installs_what_it_imports(page: str) -> None:
    distributions, installed = packages_distributions(), installed_on((ROOT / page).read_text(encoding="utf-8"))
    missing = {
        module
        for module in imported_on(ROOT / page)
        if not installed & {name.lower() for name in distributions.get(module, [module])}
    }
    assert missing == set()


def test_what_pages_import_is_found() -> None:
    assert imported_on(ROOT / "docs/how-to/https-receivers.md") == {"httpx", "requests"}
    assert imported_on(ROOT / "docs/how-to/webhook-twice.md") == {"flask", "pytest", "starlette"}
    assert installed_on("pip install '.[media]'  # av") >= {"av", "pillow", "httpx"}
    assert "flask" not in installed_on("pip install pytest  # not flask")
