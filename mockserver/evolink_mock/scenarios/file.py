"""The scenario file: rules in TOML, reloaded when the file changes; a faulty file leaves the rules as they are."""

import logging
import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any

import msgspec

from evolink_mock.clock import unix_micros
from evolink_mock.core.duration import SECOND
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.scenarios.rules import Rule, RuleError
from evolink_mock.scenarios.schema import MAX_RULES, MatchSpec, RuleSpec, StepSpec
from evolink_mock.scenarios.toml_lines import TomlPath, value_lines

log = logging.getLogger("evolink_mock")

_SETTLED = SECOND // 20
"""A file that was written less than this ago may not be whole yet."""
_FILLED = SECOND
"""A file that was emptied less than this ago is most likely being written."""
MAX_BYTES = 1024 * 1024
_ERROR_PATH = re.compile(r" - at `(?:key in )?\$([^`]*)`$")
_PATH_PART = re.compile(r"\.([^.\[\]]+)|\[([0-9]+)\]")


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


def read_rules(content: bytes) -> tuple[list[tuple[str, Rule]], list[FileError]]:
    """The rules, each with a digest of its content, and every error."""
    if len(content) > MAX_BYTES:
        return [], [FileError(None, f"a scenario file has at most {MAX_BYTES} bytes")]
    import tomllib

    try:
        text = content.decode("utf-8")
        table = tomllib.loads(text)
    except UnicodeDecodeError as error:
        return [], [FileError(content[: error.start].count(b"\n") + 1, "it is not UTF-8")]
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        at = re.search(r"line (\d+)", str(error))
        return [], [
            FileError(int(at[1]) if at else len(text.splitlines()), f"it is not valid TOML: {str(error)[:200]}")
        ]
    return _rules(table, text)


def _rules(table: dict[str, Any], text: str) -> tuple[list[tuple[str, Rule]], list[FileError]]:
    listed = table.pop("rule", [])
    errors: list[tuple[TomlPath, str]] = [
        ((name,), unknown_name("table of a scenario file", name, ("rule",))) for name in table
    ]
    rules: list[tuple[str, Rule]] = []
    if not isinstance(listed, list) or len(listed) > MAX_RULES:
        errors.append((("rule",), f"rule must be a list of at most {MAX_RULES} tables: [[rule]]"))
        listed = []
    for place, given in enumerate(listed):
        try:
            spec = _spec(given)
            digest = blake2b(msgspec.json.encode(spec), digest_size=8).hexdigest()
            rules.append((f"{digest} {sum(digest in known for known, _ in rules)}", spec.rule(f"rule {place + 1}")))
        except RuleError as error:
            errors.append((("rule", place, *error.path), str(error)))
        except msgspec.ValidationError as error:
            errors.append((("rule", place, *_path(error)), str(error)))
    lines = value_lines(text) if errors else {}
    return rules, [FileError(_nearest_line(lines, path), message) for path, message in errors]


def _spec(given: object) -> RuleSpec:
    """Convert one rule. Raises `RuleError` for an unknown setting, and msgspec's error for a wrong value."""
    for noun, spec, part, path in _parts(given):
        for name in part:
            if name not in spec.__struct_fields__:
                message = unknown_name(f"setting of a {noun}", str(name), spec.__struct_fields__)
                raise RuleError(message, (*path, str(name)))
    return msgspec.convert(given, RuleSpec)


def _parts(given: object) -> Iterator[tuple[str, type[msgspec.Struct], dict[str, Any], TomlPath]]:
    """The tables of one rule that can be read: what each is, its form, its content and its path."""
    if not isinstance(given, dict):
        return
    yield "rule", RuleSpec, given, ()
    steps = given.get("steps")
    for place, step in enumerate(steps if isinstance(steps, list) else []):
        if isinstance(step, dict):
            yield "step", StepSpec, step, ("steps", place)
    if isinstance(match := given.get("match"), dict):
        yield "match", MatchSpec, match, ("match",)


def _path(error: msgspec.ValidationError) -> TomlPath:
    """The path that msgspec names at the end of its message: ``… - at `$.steps[1].times` ``."""
    found = _ERROR_PATH.search(str(error))
    parts = _PATH_PART.findall(found[1]) if found else []
    return tuple(int(place) if place else key for key, place in parts)


def _nearest_line(lines: Mapping[TomlPath, int], path: TomlPath) -> int | None:
    """The line of a value, or of the innermost table around it where it is absent."""
    known = (lines.get(path[:length]) for length in range(len(path), 0, -1))
    return next((line for line in known if line is not None), None)


class ScenarioFile:
    """The watched file and its current rules. Raises `ValueError` where it cannot be read at the start."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error: str | None = None
        """The error of the present file, while the rules are those it had before."""
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
        rules, errors = read_rules(content)
        if errors:
            self._keep("; ".join(map(str, errors)))
            return
        if self.loads:
            log.info("scenarios: %s was read again: %d rules", self.path, len(rules))
        self._rules = rules
        self.error = None
        self.loads += 1

    def _keep(self, error: str) -> None:
        self.error = error
        if self.loads:
            log.error("scenarios: %s: %s; the rules from before stay in force", self.path, error)
