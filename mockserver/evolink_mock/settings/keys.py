"""Per-key settings, and the keys that an emulator accepts."""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Annotated, NamedTuple, get_type_hints

import msgspec

from evolink_contracts.spec.models import MODELS
from evolink_mock.core.billing import MAX_BALANCE
from evolink_mock.core.grant import Grant
from evolink_mock.core.redaction import masked_key
from evolink_mock.core.request_headers import LONGEST_KEY
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.core.task import to_units
from evolink_mock.scenarios.language import scenario_mistakes
from evolink_mock.scenarios.toml_lines import TomlPath
from evolink_mock.settings.bounds import bounds_of, out_of_bounds
from evolink_mock.settings.help import Help
from evolink_mock.settings.mistakes import KeyMistakes
from evolink_mock.settings.types import TypeChecks

Balance = Annotated[float, msgspec.Meta(ge=0, le=MAX_BALANCE)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]

INVALID = "sk-invalid"
"""Keys that begin like this are refused even where any other is accepted, so that a 401 can always be provoked."""
_SHOWN = 5
"""Accepted keys that a message names."""


class KeyRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of one listed key. `balance` in credits; no `models` means every model.

    A limit is of each model family.
    """

    balance: Annotated[Balance | None, Help("Remaining credits of the key.")] = None
    models: Annotated[list[str] | None, Help("Models that the key may use; a create of another gets 403.")] = None
    scenario: Annotated[str | None, Help("Default scenario of the key, such as create=rate_limited.")] = None
    requests_per_minute: Annotated[Limit | None, Help("Creates of one model family per minute.")] = None
    concurrent_tasks: Annotated[Limit | None, Help("Unfinished tasks of one model family.")] = None

    def grant(self) -> Grant:
        models = None if self.models is None else frozenset(self.models)
        balance = None if self.balance is None else to_units(self.balance)
        return Grant(balance, models, self.scenario, self.requests_per_minute, self.concurrent_tasks)


class KeyRules(dict[str, KeyRule]):
    """Rules by key, with the file, variable or option that names the keys."""

    def __init__(self, rules: Mapping[str, KeyRule], source: str) -> None:
        super().__init__(rules)
        self.source = source


def source_of(rules: Mapping[str, KeyRule]) -> str:
    """The name of the source that the rules were loaded from."""
    return rules.source if isinstance(rules, KeyRules) else "the settings"


class AcceptedKeys(NamedTuple):
    """The API keys that an emulator accepts: those that are `named`, and unless `only` those, any other."""

    named: Collection[str] = ()
    only: bool = False
    source: str = "the settings"
    """The file, variable or option that names them."""

    def accepts(self, key: str) -> bool:
        return key in self.named or not (self.only or key.startswith(INVALID) or _size(key) > LONGEST_KEY)

    def refusal(self, key: str) -> str:
        """The reason why a key is not accepted."""
        if _size(key) > LONGEST_KEY:
            return f"A key has at most {LONGEST_KEY} bytes; got one of {_size(key)}"
        if not self.only:
            return f"Keys that begin with {INVALID} are always refused, so that a 401 can be provoked"
        return f"This emulator accepts only the keys of {self.source}; got {masked_key(key)}"

    def shown(self) -> str:
        """The named keys, masked."""
        more = len(self.named) - _SHOWN
        listed = ", ".join(map(masked_key, islice(self.named, _SHOWN)))
        return f"{listed} and {more} more" if more > 0 else listed


def _size(key: str) -> int:
    """The bytes of a key, which is sent in UTF-8."""
    return len(key) if key.isascii() else len(key.encode("utf-8", "surrogatepass"))


_BOUNDS = bounds_of(KeyRule)
_TYPES = TypeChecks(get_type_hints(KeyRule), _BOUNDS)


def check_keys(keys: object) -> None:
    """Raise `ValueError` for keys that are no mapping, and for the first key with a wrong setting."""
    form = 'keys must map API keys to their settings (evolink_mock.KeyRule), such as {"sk-a": KeyRule(balance=20)}'
    if not isinstance(keys, Mapping):
        raise ValueError(f"{form}; got a value of type {type(keys).__name__}")
    for key, rule in keys.items():
        if not isinstance(key, str) or not isinstance(rule, KeyRule):
            raise ValueError(f"{form}; got a {type(key).__name__} with a {type(rule).__name__}")
        check_key(key, rule)


def check_key(key: str, rule: KeyRule) -> None:
    """Raise `ValueError` for a key that cannot be sent, or for a setting of it that is wrong."""
    for _, message in _mistakes_of(key, rule):
        raise ValueError(message)


def key_mistakes(keys: Mapping[str, KeyRule]) -> list[tuple[TomlPath, str]]:
    """All that is wrong with the settings of keys: the path from the table of the keys, and the message."""
    return [((key, *path), message) for key, rule in keys.items() for path, message in _mistakes_of(key, rule)]


def check_each_key(keys: Mapping[str, KeyRule]) -> None:
    """Raise `KeyMistakes` with all that is wrong with the keys."""
    if found := key_mistakes(keys):
        raise KeyMistakes(found)


def _mistakes_of(key: str, rule: KeyRule) -> Iterator[tuple[TomlPath, str]]:
    shown = masked_key(key)
    if not key or any(character <= " " or character == "\x7f" for character in key):
        yield (), f"keys: {shown!r} cannot be sent as a bearer key: it is empty, or has a space in it"
    if _size(key) > LONGEST_KEY:
        yield (), f"keys: {shown!r} has {_size(key)} bytes; a key has at most {LONGEST_KEY}"
    wrong: set[str] = set()
    for name, message in _TYPES.mistakes(rule, lambda name: f"keys: {name} of {shown}"):
        wrong.add(name)
        yield (name,), message
    for name, message in out_of_bounds(rule, _BOUNDS, lambda name: f"keys: {name} of {shown}"):
        if name not in wrong:
            yield (name,), message
    text = None if "scenario" in wrong else rule.scenario
    for mistake in () if text is None else scenario_mistakes(text):
        yield ("scenario",), f"keys: scenario of {shown}: {mistake}"
    for model in () if "models" in wrong else rule.models or ():
        if model not in MODELS:
            yield ("models",), f"keys: models of {shown}: {unknown_name('model', model, tuple(MODELS))}"
