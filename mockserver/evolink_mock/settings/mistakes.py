"""Mistakes of settings, collected and sorted, so that one run reports every mistake of a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from evolink_mock.scenarios.toml_lines import TomlPath, parse_toml, value_lines


class Given(NamedTuple):
    """A value as it was given, and the place that gave it: `--port`, `EVOLINK_MOCK_PORT`, `evolink.toml`."""

    value: Any
    source: str
    path: TomlPath = ()
    """The path of the value in a settings file."""

    @property
    def of_file(self) -> bool:
        return bool(self.path)


class KeyMistakes(ValueError):
    """All mistakes in a table of keys or routes: for each, the path from the table, and the message."""

    def __init__(self, found: list[tuple[TomlPath, str]]) -> None:
        super().__init__("; ".join(message for _, message in found))
        self.found = found


class Mistakes:
    """The mistakes found so far. Those of the file come first, by line; then those of variables and options."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._in_file: list[tuple[TomlPath, str]] = []
        self._others: list[str] = []

    def add(self, given: Given | None, message: str, path: TomlPath = ()) -> None:
        """Add a mistake of a value, or, at a `path`, of a part of it."""
        if given is None:
            self._others.append(message)
        elif given.of_file:
            self._in_file.append(((*given.path, *path), message.removeprefix(f"{given.source}: ")))
        else:
            self._others.append(f"{given.source}: {message.removeprefix(f'{given.source}: ')}")

    @contextmanager
    def collect(self, given: Given) -> Iterator[None]:
        """Add what the body of the context raises about a value."""
        try:
            yield
        except KeyMistakes as error:
            for path, message in error.found:
                self.add(given, message, path)
        except ValueError as error:
            self.add(given, str(error))

    def raise_if_any(self) -> None:
        """Raise `ValueError` with a line for each mistake."""
        if lines := [*self._lines_of_file(), *self._others]:
            raise ValueError("\n".join(lines))

    def _lines_of_file(self) -> Iterator[str]:
        if not self._in_file or self._file is None:
            return
        text, _ = parse_toml(self._file.read_bytes())
        known = value_lines(text)
        placed = [(_line(known, path), message) for path, message in self._in_file]
        for line, message in sorted(placed, key=lambda each: each[0]):
            yield f"{self._file}: line {line}: {message}"


def _line(known: dict[TomlPath, int], path: TomlPath) -> int:
    """The line of a value, or of the innermost table around it."""
    return next((known[path[:length]] for length in range(len(path), 0, -1) if path[:length] in known), 1)
