"""No page, help text, message or template has a word that the project's prose does without."""

import ast
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from docs.render.commands import COMMANDS, subcommands
from tests.support.plain_english import banned_in

ROOT = Path(__file__).parent.parent.parent
PACKAGES = (ROOT / "mockserver", ROOT / "contracts", ROOT / "client")
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / folder / "README.md" for folder in ("client", "contracts", "tests/bench")),
]
MODULES = [path for package in PACKAGES for path in package.rglob("*.py")] + [*(ROOT / "docs").rglob("*.py")]
TEMPLATES = [path for suffix in ("html", "js") for path in ROOT.glob(f"mockserver/**/*.{suffix}")]

_OUTPUT = re.compile(r"^ *```(?:json|text|pycon)\n.*?^ *```$", re.MULTILINE | re.DOTALL)
_SIGNATURES = re.compile(r"^```python\n.*?^```$", re.MULTILINE | re.DOTALL)
"""In pages that are rendered from the code; its docstrings are checked with its modules."""
_NOT_PROSE = re.compile(r"`[^`\n]+`|\]\([^)\s]+\)|<[^>]+>")
"""Names of code, targets of links, tags."""
_SHOWN = re.compile(r"\b(?:title|aria-label|placeholder|alt)=\"([^\"]*)\"")
_SCRIPT_TEXT = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`""", re.DOTALL
)
"""Comments and strings, in turn."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose_of(page: str) -> str:
    """A Markdown page without what programs print, and without names of code."""
    return _NOT_PROSE.sub(" ", _OUTPUT.sub("", page))


def texts_of(module: str) -> Iterator[str]:
    """The sentences among the strings of a module: docstrings, help texts, messages, without names of code in them."""
    for node in ast.walk(ast.parse(module)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            yield _NOT_PROSE.sub(" ", node.value)


def texts_of_template(path: Path) -> Iterator[str]:
    """The text and labels of HTML; the comments of a script, and its strings that have a space."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        yield unescape(re.sub(r"<[^>]+>", " ", text))
        yield from _SHOWN.findall(text)
    else:
        yield from (re.sub(r"\$\{[^}]*\}", " ", found) for found in _SCRIPT_TEXT.findall(text) if " " in found)


HELPS = [
    (context.command_path, command.get_help(context))
    for name, group in COMMANDS
    for context, command in subcommands(name, group)
]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_is_in_plain_english(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    rendered = page.parent.name == "reference"
    assert list(banned_in(prose_of(_SIGNATURES.sub("", text) if rendered else text))) == []


@pytest.mark.parametrize(("name", "text"), HELPS, ids=[name for name, _ in HELPS])
def test_a_help_text_is_in_plain_english(name: str, text: str) -> None:
    assert list(banned_in(text)) == []


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_the_texts_of_a_module_are_in_plain_english(module: Path) -> None:
    texts = texts_of(module.read_text(encoding="utf-8"))
    assert [found for text in texts for found in banned_in(text)] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=name_of)
def test_a_template_is_in_plain_english(template: Path) -> None:
    assert [found for text in texts_of_template(template) for found in banned_in(text)] == []


def test_a_banned_word_is_noticed_where_people_read_it() -> None:
    assert list(banned_in(prose_of("A story\n\n```json\n{'story': 1}\n```\n\n`story` [page](story.md)"))) == [
        "…A story [page…: write explanation, event log, not 'story'"
    ]
    assert [list(banned_in(text)) for text in texts_of("raise ValueError(f'{x} has no picture in it')")] == [
        ["…has no picture in it…: write image, not 'picture'"]
    ]
