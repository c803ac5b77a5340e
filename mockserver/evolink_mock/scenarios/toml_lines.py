"""TOML documents: their tables, and the line of each value by its path, which `tomllib` does not keep."""

import re
from typing import Any, TypeAlias

from evolink_mock.body_encodings import BYTE_ORDER_MARK, compression, wide_charset
from evolink_mock.nesting import MAX_DEPTH, is_nested_too_deeply

TomlPath: TypeAlias = tuple[str | int, ...]
"""Keys of tables and places in arrays, counted from 0: `("rule", 0, "steps", 1, "times")`."""

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'"
    r"|#[^\n]*"
    r"""|[^\s\[\]{}=,."'#]+"""
    r"|[\[\]{}=,.\n]",
    re.DOTALL,
)


_LONG_INTEGER = re.compile(r"[0-9][0-9_]{4000,}")


class TomlError(ValueError):
    """A document that is not TOML; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def parse_toml(content: bytes) -> tuple[str, dict[str, Any]]:
    """The text and the table of a document; it may begin with a byte-order mark. Raises `TomlError`."""
    import tomllib  # Late, since most emulators start without a file.

    if (charset := wide_charset(content)) is not None:
        raise TomlError(1, f"it is in {charset}; save it in UTF-8")
    content = content.removeprefix(BYTE_ORDER_MARK)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        if (packed := compression(content)) is not None:
            raise TomlError(1, f"it is compressed with {packed}; unpack it") from None
        raise TomlError(content[: error.start].count(b"\n") + 1, "it is not UTF-8") from None
    try:
        table = tomllib.loads(text)
        if is_nested_too_deeply(table):
            raise RecursionError
        return text, table
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        line = int(at[1]) if at else len(text.splitlines())
        raise TomlError(line, f"it is not valid TOML: {str(error)[:200]}") from None
    except RecursionError:
        deepest = max(range(1, len(text.splitlines()) + 1), key=_openings(text).__getitem__, default=1)
        raise TomlError(deepest, f"its lists or tables are nested more than {MAX_DEPTH} levels deep") from None
    except ValueError:  # Python converts no integer of more than 4,300 digits.
        found = _LONG_INTEGER.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else 1
        raise TomlError(line, "it is not valid TOML: an integer has thousands of digits") from None


def _unquote(key: str) -> str:
    import tomllib

    return str(tomllib.loads(f"key = {key}")["key"])


def _openings(text: str) -> list[int]:
    """The number of brackets that each line opens, from line 1 on."""
    return [0, *(line.count("[") + line.count("{") for line in text.splitlines())]


def value_lines(text: str) -> dict[TomlPath, int]:
    """The line, from 1, of each table and value of a document that `tomllib` has accepted."""
    return _Scanner(text).lines


class _Scanner:
    """Follows the brackets, keys and commas of a valid document; its values are skipped."""

    def __init__(self, text: str) -> None:
        self.lines: dict[TomlPath, int] = {}
        self._arrays: dict[TomlPath, int] = {}
        """Arrays of tables, each with the place of its last table."""
        self._tokens: list[tuple[str, int]] = []
        line, end = 1, 0
        for match in _TOKEN.finditer(text):
            line, end = line + text.count("\n", end, match.start()), match.start()
            if not match[0].startswith("#"):
                self._tokens.append((match[0], line))
        self._tokens.reverse()
        table: TomlPath = ()
        while self._tokens:
            if self._peek() == "\n":
                self._tokens.pop()
            elif self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)

    def _peek(self) -> str:
        return self._tokens[-1][0] if self._tokens else "\n"

    def _header(self) -> TomlPath:
        """`[table]`, or `[[array of tables]]`."""
        _, line = self._tokens.pop()
        is_array = self._peek() == "["
        if is_array:
            self._tokens.pop()
        path: TomlPath = ()
        for key in self._key():
            if path in self._arrays:
                path = (*path, self._arrays[path])
            path = (*path, key)
            self.lines.setdefault(path, line)
        if is_array:
            self._arrays[path] = self._arrays.get(path, -1) + 1
            path = (*path, self._arrays[path])
            self.lines[path] = line
        while self._peek() != "\n":
            self._tokens.pop()
        return path

    def _pair(self, table: TomlPath) -> None:
        """`key = value`; a dotted key makes tables on its way."""
        path, line = table, self._tokens[-1][1]
        for key in self._key():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self._tokens.pop()
        self._value(path)

    def _key(self) -> list[str]:
        keys: list[str] = []
        while self._peek() not in "=]":
            part, _ = self._tokens.pop()
            if part != ".":
                keys.append(_unquote(part) if part[0] in "\"'" else part)
        return keys

    def _value(self, path: TomlPath) -> None:
        opening = self._peek()
        if opening not in "[{":
            while self._peek() not in ",]}\n":
                self._tokens.pop()
            return
        self._tokens.pop()
        place = 0
        while (following := self._peek()) not in "]}":
            if following in ",\n":
                self._tokens.pop()
            elif opening == "{":
                self._pair(path)
            else:
                self.lines[(*path, place)] = self._tokens[-1][1]
                self._value((*path, place))
                place += 1
        self._tokens.pop()
