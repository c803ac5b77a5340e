"""The scenario file: rules in TOML, reloaded when the file changes; a faulty file leaves the rules as they are."""

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec

from evolink_mock.clock import unix_micros
from evolink_mock.core.duration import SECOND
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.scenarios.file_check import read_rule_of_file, rule_warnings
from evolink_mock.scenarios.rules import Rule
from evolink_mock.scenarios.schema import MAX_RULES, RuleSpec
from evolink_mock.scenarios.toml_lines import TomlError, TomlPath, parse_toml, value_lines

log = logging.getLogger("evolink_mock")

_SETTLED = SECOND // 20
"""A file that was written less than this ago may not be whole yet."""
_FILLED = SECOND
"""A file that was emptied less than this ago is most likely being written."""
MAX_BYTES = 1024 * 1024


class FileSpec(msgspec.Struct, forbid_unknown_fields=True):
    """A scenario file: rules, of which the first that matches a request and is not used up decides it."""

    rule: Annotated[list[RuleSpec], msgspec.Meta(max_length=MAX_RULES)] = []


class FileError(msgspec.Struct, frozen=True):
    """An error of a file, and its line, where that is known."""

    line: int | None
    message: str

    def __str__(self) -> str:
        return self.message if self.line is None else f"line {self.line}: {self.message}"


def schema() -> dict[str, Any]:
    """The JSON Schema of a scenario file."""
    described = msgspec.json.schema(FileSpec)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "scenarios.toml", **described}


class FileReport(NamedTuple):
    """The rules of a file, each with a digest of its content, and what is wrong with it."""

    rules: Sequence[tuple[str, Rule]] = ()
    errors: Sequence[FileError] = ()
    warnings: Sequence[FileError] = ()
    """Rules and words that can never take effect."""


def check_file(content: bytes, settings: Collection[str] = ()) -> FileReport:
    """Read a scenario file: every error and every warning, by line.

    `settings` are names that belong in a settings file, and for which the errors say so.
    """
    if len(content) > MAX_BYTES:
        return FileReport(errors=[FileError(None, f"a scenario file has at most {MAX_BYTES} bytes")])
    try:
        text, table = parse_toml(content)
    except TomlError as error:
        return FileReport(errors=[FileError(error.line, str(error))])
    return _check_rules(table, text, settings)


def _check_rules(table: dict[str, Any], text: str, settings: Collection[str]) -> FileReport:
    belonging = [name for name in table if name in settings]
    if belonging and "rule" not in table:
        return FileReport(errors=_by_line(value_lines(text), [((belonging[0],), _of_settings(belonging[0]))]))
    listed = table.pop("rule", [])
    errors: list[tuple[TomlPath, str]] = [((name,), _unknown_table(name, settings)) for name in table]
    rules: list[tuple[str, Rule]] = []
    places: list[int] = []
    known: Counter[str] = Counter()
    if not isinstance(listed, list) or len(listed) > MAX_RULES:
        errors.append((("rule",), f"rule must be a list of at most {MAX_RULES} tables: [[rule]]"))
        listed = []
    for place, given in enumerate(listed):
        found = read_rule_of_file(given, place)
        if isinstance(found, list):
            errors += [(("rule", place, *path), message) for path, message in found]
            continue
        spec, rule = found
        digest = blake2b(msgspec.json.encode(spec), digest_size=8).hexdigest()
        rules.append((f"{digest} {known[digest]}", rule))
        places.append(place)
        known[digest] += 1
    warnings = [(("rule", places[each], *path), says) for each, path, says in rule_warnings(_of(rules))]
    lines = value_lines(text) if errors or warnings else {}
    return FileReport(rules, _by_line(lines, errors), _by_line(lines, warnings))


def _unknown_table(name: str, settings: Collection[str]) -> str:
    if name in settings:
        return f"{name!r} is a setting: it belongs in a settings file, which --config names"
    return unknown_name("table of a scenario file", name, ("rule",))


def _of_settings(name: str) -> str:
    return (
        f"this is a settings file, since {name!r} is a setting: give it with --config, and check it with "
        "`evolink-mock settings --config FILE`; a scenario file has [[rule]] tables"
    )


def _of(rules: list[tuple[str, Rule]]) -> list[Rule]:
    return [rule for _, rule in rules]


def _by_line(lines: Mapping[TomlPath, int], found: Sequence[tuple[TomlPath, str]]) -> list[FileError]:
    errors = [FileError(_nearest_line(lines, path), message) for path, message in found]
    return sorted(errors, key=lambda error: error.line or 0)


def _nearest_line(lines: Mapping[TomlPath, int], path: TomlPath) -> int | None:
    """The line of a value, or of the innermost table around it where it is absent."""
    known = (lines.get(path[:length]) for length in range(len(path), 0, -1))
    return next((line for line in known if line is not None), None)


class ScenarioFile:
    """The watched file and its current rules. Raises `ValueError` where it cannot be read at the start."""

    def __init__(self, path: Path, settings: Collection[str] = ()) -> None:
        self.path = path
        self._settings = settings
        self.error: str | None = None
        """The error of the present file, while the rules are those it had before."""
        self.warnings: list[str] = []
        """Rules and words of the present rules that can never take effect."""
        self.loads = 0
        self._rules: list[tuple[str, Rule]] = []
        self._seen = (0, 0, 0)
        self._load(self._stamp())
        if self.error is not None:
            raise ValueError(f"scenarios: {self.path}: {self.error}")

    def rules(self) -> list[tuple[str, Rule]]:
        """The current rules; checks whether the file has changed, which takes two microseconds."""
        stamp = self._stamp()
        if stamp != self._seen:
            written, size, _ = stamp
            if not 0 <= unix_micros() - written // 1000 < (_SETTLED if size else _FILLED):
                self._load(stamp)
        return self._rules

    def _stamp(self) -> tuple[int, int, int]:
        try:
            found = self.path.stat()
        except OSError:
            return 0, 0, 0
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _load(self, stamp: tuple[int, int, int]) -> None:
        try:
            content = self.path.read_bytes() if stamp[1] <= MAX_BYTES else bytes(MAX_BYTES + 1)
        except OSError as error:
            self._seen = stamp
            self._keep(str(error.strerror))
            return
        if self._stamp() != stamp:
            return  # It was changed while it was read: the next request tries again.
        self._seen = stamp
        try:
            rules, errors, warnings = check_file(content, self._settings)
        except Exception as error:
            log.exception("scenarios: %s: it cannot be checked", self.path)
            self._keep(f"it cannot be checked: {error!r}")
            return
        if errors:
            self._keep("; ".join(map(str, errors)))
            return
        self.warnings = list(map(str, warnings))
        for warning in self.warnings:
            log.warning("scenarios: %s: %s", self.path, warning)
        if self.loads:
            log.info("scenarios: %s was reloaded: %d rules", self.path, len(rules))
        self._rules = list(rules)
        self.error = None
        self.loads += 1

    def _keep(self, error: str) -> None:
        self.error = error
        if self.loads:
            log.error("scenarios: %s: %s; the previous rules stay in force", self.path, error)
