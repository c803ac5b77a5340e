"""Blocks of Markdown pages, with the part that each of them plays when the page is run as a program."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

FILE_SUFFIXES = {
    "dockerfile": ("Dockerfile",),
    "html": (".html",),
    "ini": (".ini", ".cfg"),
    "javascript": (".js", ".mjs", ".cjs"),
    "js": (".js", ".mjs", ".cjs"),
    "json": (".json", ".jsonl"),
    "python": (".py",),
    "sh": (".sh",),
    "toml": (".toml",),
    "yaml": (".yaml", ".yml"),
}
"""The languages of blocks that may be files, and how the names of such files end."""

_FENCE = re.compile(r"^( *)(```+|~~~+) *([^\s`]*)[^`]*$")
_FILE = re.compile(r"`([^`\s]+)`:$")
_EXIT_STATUS = re.compile(r"#.*\bexit (?:code|status) (\d+)")
_INSTALLS = re.compile(
    r"^\s*(?:(?:python3? -m )?pip3? install|python3? -m venv|npm (?:ci|i|install)|uv (?:venv|pip|sync)"
    r"|(?:\.|source) \S+/activate)\b"
)
_SERVES = re.compile(r"(?:\w+=\S*\s+)*(?:evolink-mock serve\b|make run\b|uvicorn\s|flask\s.*\brun\b|waitress-serve\s)")
_RUNS_A_FILE = re.compile(r"(?:\w+=\S*\s+)*(?:python3?|node)\s+(\S+\.(?:py|m?js))(?:\s|$)")
_LISTENS = re.compile(r"(?<!asyncio)(?<!anyio)(?<!subprocess)\.run\(|\blisten\(|serve_forever\(|run_app\(|run_simple\(")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line of its fence, and the name of the file that it shall become."""

    page: str
    line: int
    language: str
    text: str
    file: str | None = None
    follows: "Block | None" = None
    """The block right above it, where there is nothing between the two."""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def executable(self) -> bool:
        return self.file is None and self.language in ("sh", "python")

    @property
    def is_expected_output(self) -> bool:
        above = self.follows
        return self.language == "text" and above is not None and above.file is None and above.language != "text"

    @property
    def installs(self) -> bool:
        return self.without_installing != self

    @property
    def without_installing(self) -> "Block":
        """The same without the commands that make an environment, where one has all of that already."""
        if not self.executable or self.language != "sh":
            return self
        kept = [line for line in re.split(r"(?<!\\)\n", self.text) if not _INSTALLS.match(line)]
        return replace(self, text="\n".join(kept))

    @property
    def commands(self) -> list[str]:
        """Its lines without those that are empty; a line that goes on is one with the next."""
        return [line.strip() for line in self.text.replace("\\\n", " ").splitlines() if line.strip()]

    @property
    def expected_status(self) -> int:
        """The exit status that a comment in its last line announces; else 0."""
        found = _EXIT_STATUS.search(self.commands[-1]) if self.commands else None
        return int(found[1]) if found else 0

    def serves(self, directory: Path) -> bool:
        """Whether its last command is a server that runs until it is stopped; `directory` has the files of the page."""
        last = self.commands[-1] if self.language == "sh" and self.commands else ""
        if not last or last.endswith("&") or self.expected_status or "--help" in last:
            return False
        runs = _RUNS_A_FILE.match(last)
        if runs and (directory / runs[1]).exists():
            return _LISTENS.search((directory / runs[1]).read_text(encoding="utf-8")) is not None
        return _SERVES.match(last) is not None

    def served_file(self) -> str | None:
        runs = _RUNS_A_FILE.match(self.commands[-1])
        return runs[1] if runs else None


def read_blocks(path: Path, page: str) -> list[Block]:
    """The blocks of a page in order, without directives of the site such as a table of contents."""
    return [
        block for block in _fenced(path.read_text(encoding="utf-8").splitlines(), page) if block.language[:1] != "{"
    ]


def files_of(path: Path) -> dict[str, str]:
    """The files of a page by name; of a file that the page writes twice, the last version."""
    return {block.file: block.text for block in read_blocks(path, path.name) if block.file}


def _fenced(lines: list[str], page: str) -> Iterator[Block]:
    introduction: str = ""
    above: Block | None = None
    rest = iter(enumerate(lines, 1))
    for number, line in rest:
        opening = _FENCE.match(line)
        if opening is None:
            if line.strip():
                introduction, above = line.strip(), None
            continue
        indent, fence, language = opening.groups()
        text = "".join(f"{inside.removeprefix(indent)}\n" for _, inside in _until(rest, fence, f"{page}:{number}"))
        file = None if above else _file_name(introduction, language)
        above = Block(page, number, language.lower(), text, file, above)
        introduction = ""
        yield above


def _until(lines: Iterator[tuple[int, str]], fence: str, place: str) -> Iterator[tuple[int, str]]:
    for number, line in lines:
        if line.strip() == fence:
            return
        yield number, line
    raise AssertionError(f"{place}: this block has no end")


def _file_name(introduction: str, language: str) -> str | None:
    """The name at the end of the paragraph above, where it is one of a file of this language."""
    named = _FILE.search(introduction)
    return named[1] if named and named[1].endswith(FILE_SUFFIXES.get(language.lower(), ())) else None
