"""Markdown: paragraphs, tables, code and anchors, as a repository browser and MyST both read them."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_CODE = re.compile(r"(``.+?``|`[^`]+`)")
_SPECIAL = re.compile(r"([*<\[\]\\])")


def prose(text: str) -> str:
    """A text of the code as Markdown: what is not between backticks has no markup."""
    parts = _CODE.split(text)
    parts[::2] = [_SPECIAL.sub(r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def sentence(text: str) -> str:
    """A text of the code as a sentence: with a capital, unless it begins with a value, and a full stop."""
    shown = prose(text.strip())
    if not shown:
        return ""
    plain = re.match(r"[a-z]+,?( |$)", shown)
    return (shown[0].upper() if plain else shown[0]) + shown[1:] + ("" if shown[-1] in ".:?!…" else ".")


def code(text: object) -> str:
    """Inline code, whatever backticks are in it."""
    shown = str(text)
    return f"`{shown}`" if "`" not in shown else f"`` {shown} ``"


def default(text: str) -> str:
    """A default: a value, or a description of one."""
    return prose(text) if " " in text else code(text)


def codes(values: Iterable[object], separator: str = ", ") -> str:
    return separator.join(map(code, values))


def block(text: str, language: str = "text") -> str:
    """A code block."""
    return f"```{language}\n{text.rstrip()}\n```"


def json_block(value: Any) -> str:
    """A JSON value, one line a member where that fits the width of a page, else indented."""
    return block(json.dumps(value, indent=2, ensure_ascii=False), "json")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; empty columns are left out."""
    cells = [[_cell(cell) for cell in row] for row in rows]
    kept = [column for column in range(len(head)) if any(row[column] for row in cells)]
    lines = [
        [head[column] for column in kept],
        ["---"] * len(kept),
        *([row[column] for column in kept] for row in cells),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text.strip()).replace("|", "\\|")


def bullets(facts: Mapping[str, str]) -> str:
    """A list of facts, `- name: fact`, without those that are empty."""
    return "\n".join(f"- {name}: {fact}" for name, fact in facts.items() if fact)


def join(*parts: str) -> str:
    """Paragraphs, without those that are empty."""
    return "\n\n".join(part for part in parts if part)
