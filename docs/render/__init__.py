"""Reference pages as Markdown, rendered from the code: one module a page, and the list of all pages."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

REFERENCE = Path(__file__).parent.parent / "reference"
"""The directory of the rendered pages."""

COMMAND = "make reference"


class Page(NamedTuple):
    """A reference page: its title, its summary, and the function that renders what follows the title."""

    title: str
    summary: str
    body: Callable[[], str]

    def render(self) -> str:
        """The whole page."""
        parts = (NOTICE, f"# {self.title}", self.summary, self.body())
        return "\n\n".join(part.strip("\n") for part in parts) + "\n"


NOTICE = f"<!-- Rendered from the code by `{COMMAND}`: change the code, not this file. -->"

_MODULES = {
    "commands": "commands",
    "exit-codes": "exit_codes",
    "settings": "settings",
    "files": "files",
    "scenario-words": "scenario_words",
    "control-api": "control_api",
    "http-api": "http_api",
    "failure-codes": "failure_codes",
    "python": "python",
    "pytest": "fixtures",
    "promises": "promises",
    "fidelity": "fidelity",
}


def pages() -> Mapping[str, Page]:
    """Every page by the stem of its file, in the order of the index."""
    found = {stem: import_module(f"{__name__}.{module}").PAGE for stem, module in _MODULES.items()}
    return MappingProxyType({**found, "index": _index(found)})


def _index(found: Mapping[str, Page]) -> Page:
    def body() -> str:
        return "\n".join(f"- [{page.title}]({stem}.md): {page.summary}" for stem, page in found.items())

    return Page("Reference", "Every page of this section is rendered from the code, and a test compares the two.", body)


def stale() -> dict[str, str]:
    """The pages whose file differs from the code, by the name of the file, with the text that is right."""
    wanted = {f"{stem}.md": page.render() for stem, page in pages().items()}
    return {name: text for name, text in wanted.items() if _text_of(REFERENCE / name) != text}


def unknown() -> list[str]:
    """Files of the directory that no page renders."""
    return sorted({file.name for file in REFERENCE.glob("*.md")} - {f"{stem}.md" for stem in pages()})


def _text_of(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None
