"""The scenario language: `create=rate_limited; times=3; fail=service_error`, parsed to a record."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from evolink_contracts.spec.errors import ERRORS, FAILURES, Operation
from evolink_mock.core.distribution import LATENCY_FORM, Distribution, parse_latency
from evolink_mock.core.duration import SECOND, Micros, parse_duration
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.scenarios.delivery_faults import DELIVERY_FAULTS
from evolink_mock.scenarios.wire_faults import COMMITTING, WIRE_FAULTS

ScenarioOperation: TypeAlias = Literal["create", "query", "credits"]
"""An operation that a scenario can affect."""

OPERATIONS: tuple[ScenarioOperation, ...] = ("create", "query", "credits")
LONGEST = 500
"""Characters of one scenario text."""
_NO_TEXT = ("Cc", "Cs", "Co", "Cn", "Zl", "Zp")
"""Categories of Unicode: control, surrogate, private, unassigned; line and paragraph separator."""
UPSTREAM = "upstream:"
"""Prefix of a failure code outside the documents, such as one that passes through from upstream."""


class Scenario(NamedTuple):
    """A parsed scenario: one field for each word of the grammar; see `WORDS`. `None` is an absent word."""

    create: str | None = None
    query: str | None = None
    credits: str | None = None
    create_latency: Distribution | None = None
    query_latency: Distribution | None = None
    credits_latency: Distribution | None = None
    times: int | None = None
    valid_for: Micros | None = None
    retry_after: int | None = None
    drip_time: Micros | None = None
    fail: str | None = None
    message: str | None = None
    cancel: str | None = None
    stuck: str | None = None
    slow_start: Micros | None = None
    slow_finish: Micros | None = None
    polls: int | None = None
    actual_duration: Micros | None = None
    delivery: str | None = None
    ok: bool = False

    def answer_to(self, operation: Operation) -> str | None:
        """The error or the wire fault of an operation's response, if any."""
        return getattr(self, operation, None) if operation in OPERATIONS else None

    def latency_of(self, operation: Operation) -> Distribution | None:
        return getattr(self, f"{operation}_latency", None) if operation in OPERATIONS else None

    @property
    def limited(self) -> bool:
        """Whether it affects a limited number or time of requests."""
        return self.times is not None or self.valid_for is not None

    def applies_to(self, operation: Operation) -> bool:
        """Whether it affects an operation; the words about a task belong to its creation."""
        if self.ok or self.answer_to(operation) is not None or self.latency_of(operation) is not None:
            return True
        return operation == "create" and any(getattr(self, word) is not None for word in _OF_TASKS)


DEFAULT = Scenario()


class Word(NamedTuple):
    """One word of the grammar. `values` are all that it accepts, or one example where it is `open`."""

    field: str
    summary: str
    values: tuple[str, ...]
    read: Callable[[str], object]
    of_task: bool = False
    open: bool = False


def _one_of(values: tuple[str, ...], noun: str, text: str) -> str:
    if text not in values:
        raise ValueError(unknown_name(noun, text, values))
    return text


def _closed(field: str, summary: str, values: tuple[str, ...], *, of_task: bool = False) -> Word:
    return Word(field, summary, values, partial(_one_of, values, f"value of {field}"), of_task)


def _fail(text: str) -> str:
    if not text.startswith(UPSTREAM):
        return _one_of(tuple(FAILURES), "value of fail", text)
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,100}", text.removeprefix(UPSTREAM)):
        raise ValueError(f"a code after {UPSTREAM} has 1 to 100 letters, digits and ._:-; got {text[:120]!r}")
    return text


def _message(text: str) -> str:
    # Spaces and joiners of all scripts are text; `str.isprintable` knows none of them but the space.
    wrong = next((char for char in text if unicodedata.category(char) in _NO_TEXT), None)
    if not text or wrong is not None:
        found = "" if wrong is None else f"; it has the character U+{ord(wrong):04X}"
        raise ValueError(f"message must be printable text{found}")
    return text


def _count(low: int, high: int, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and low <= int(text) <= high):
        raise ValueError(f"{text[:40]!r} is not a number from {low} to {high}")
    return int(text)


def _time(high: Micros, text: str) -> Micros:
    micros = parse_duration(text)
    if micros > high:
        raise ValueError(f"{text[:40]!r} is above {high // SECOND}s")
    return micros


def _open(field: str, summary: str, example: str, read: Callable[[str], object], *, of_task: bool = False) -> Word:
    return Word(field, summary, (example,), read, of_task, open=True)


def _answers(operation: ScenarioOperation) -> Word:
    conditions = tuple(condition for of, condition in ERRORS if of == operation)
    faults = tuple(fault for fault in WIRE_FAULTS if operation == "create" or fault not in COMMITTING)
    return _closed(
        operation, f"response to {operation}: an error of the API, or a fault on the wire", conditions + faults
    )


def _latency(operation: ScenarioOperation) -> Word:
    return _open(f"{operation}_latency", f"latency of {operation}: {LATENCY_FORM}", "2s", parse_latency)


_DAY: Micros = 24 * 3600 * SECOND

WORDS: Mapping[str, Word] = MappingProxyType(
    {
        **{operation: _answers(operation) for operation in OPERATIONS},
        **{f"{operation}_latency": _latency(operation) for operation in OPERATIONS},
        "times": _open("times", "only for the first N requests", "3", partial(_count, 1, 1_000_000)),
        "for": _open("valid_for", "only for this long on the clock, from the first use", "30s", partial(_time, _DAY)),
        "retry_after": _open(
            "retry_after",
            "seconds in Retry-After; 0 omits the header. Without it only a 429 has one: what is left of `for`, or 1",
            "5",
            partial(_count, 0, 86_400),
        ),
        "drip_time": _open("drip_time", "duration of a drip", "5s", partial(_time, 60 * SECOND)),
        "fail": Word(
            "fail",
            f"the task fails with this code, or with any other as {UPSTREAM}CODE",
            tuple(FAILURES),
            _fail,
            of_task=True,
        ),
        "message": _open("message", "message of the failure", "nudity detected", _message, of_task=True),
        "cancel": _closed("cancel", "the task ends cancelled, with this status", ("failed", "cancelled"), of_task=True),
        "stuck": _closed("stuck", "the task never ends: it stays pending, or at 99 %", ("pending", "99"), of_task=True),
        "slow_start": _open(
            "slow_start", "stays pending for this much longer", "60s", partial(_time, _DAY), of_task=True
        ),
        "slow_finish": _open(
            "slow_finish", "stays at 99 % for this much longer", "60s", partial(_time, _DAY), of_task=True
        ),
        "polls": _open("polls", "the task ends at its N-th query", "3", partial(_count, 1, 10_000), of_task=True),
        "actual_duration": _open(
            "actual_duration",
            "real length of the video, which decides its price",
            "3s",
            partial(_time, 60 * SECOND),
            of_task=True,
        ),
        "delivery": _closed("delivery", "fault of the callback", tuple(DELIVERY_FAULTS), of_task=True),
    }
)
"""Every word of the grammar."""


class Shorthand(NamedTuple):
    """A text of the language that is no word of the grammar."""

    summary: str
    example: str


SHORTHANDS: Mapping[str, Shorthand] = MappingProxyType(
    {
        "flap": Shorthand("short for query=internal_error; times=N", "2"),
        "ok": Shorthand("no faults; must stand alone, and overrides the sources of lower precedence", "ok"),
    }
)

_OF_TASKS = tuple(word.field for word in WORDS.values() if word.of_task)
_ANSWERS = (*OPERATIONS, *(f"{operation}_latency" for operation in OPERATIONS))
EXCLUSIVE = (
    ("fail", "cancel", "stuck"),
    ("stuck", "polls"),
    ("stuck", "slow_finish"),
    *(("delivery", word) for word in ("stuck", "polls", "slow_start", "slow_finish")),
)
"""Words that exclude one another; of `delivery` only the values that end the task at once do."""
NEEDS = {
    "message": ("fail",),
    "times": _ANSWERS,
    "valid_for": _ANSWERS,
    "retry_after": OPERATIONS,
    "drip_time": OPERATIONS,
}
"""Fields that have no effect unless one of these is given too."""
_NAMED = 5
"""Mistakes of one text that an error names."""


@lru_cache(maxsize=1024)
def parse_scenario(text: str) -> Scenario:
    """Parse `word=value; word=value`. Raises `ValueError` that names each mistake and the nearest right word."""
    scenario, mistakes = _read(text)
    if mistakes:
        more = len(mistakes) - _NAMED
        raise ValueError("; ".join(mistakes[:_NAMED]) + (f"; and {more} more mistakes" if more > 0 else ""))
    return scenario


def scenario_mistakes(text: str) -> list[str]:
    """Every mistake of a scenario text: those of its words, or else of their combination."""
    return _read(text)[1]


def _read(text: str) -> tuple[Scenario, list[str]]:
    """The scenario without the parts that have a mistake, and the mistakes."""
    if len(text) > LONGEST:
        return Scenario(), [f"a scenario has at most {LONGEST} characters; this one has {len(text)}"]
    if text.strip() == "ok":
        return Scenario(ok=True), []
    found: dict[str, Any] = {}
    mistakes: list[str] = []
    for part in text.split(";"):
        word, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            mistakes.append(f"{part.strip()[:40]!r} is not of the form word=value, such as create=rate_limited")
            continue
        for name, given in _written_out(word, value):
            try:
                field, meaning = _read_word(name, given, found)
            except ValueError as error:
                mistakes.append(str(error))
            else:
                found[field] = meaning
    scenario = Scenario(**found)
    return scenario, mistakes or _mistakes_together(scenario)


def _read_word(name: str, given: str, found: Mapping[str, Any]) -> tuple[str, object]:
    """The field of a word and its value, beside the fields that were found before."""
    if name not in WORDS:
        raise ValueError(unknown_name("scenario word", name, (*WORDS, "flap")))
    if WORDS[name].field in found:
        raise ValueError(f"{name} is given twice")
    return WORDS[name].field, _value(name, given)


def _written_out(word: str, value: str) -> tuple[tuple[str, str], ...]:
    return (("query", "internal_error"), ("times", value)) if word == "flap" else ((word, value),)


def _value(name: str, text: str) -> object:
    try:
        return WORDS[name].read(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}" if WORDS[name].open else str(error)) from None


def _mistakes_together(scenario: Scenario) -> list[str]:
    given = scenario._asdict()
    found: list[str] = []
    instant = scenario.delivery is not None and DELIVERY_FAULTS[scenario.delivery].completes_immediately
    for group in EXCLUSIVE:
        both = [word for word in group if given[word] is not None]
        if len(both) > 1 and ("delivery" not in both or instant):
            found.append(f"{both[0]} and {both[1]} contradict each other")
    for field, others in NEEDS.items():
        if given[field] is not None and all(given[other] is None for other in others):
            word = next(name for name, row in WORDS.items() if row.field == field)
            found.append(f"{word} has no effect by itself; it needs {', '.join(others)}")
    return found
