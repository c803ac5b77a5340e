"""Per-key settings: the credits, models, limits and scenario of one API key."""

from collections.abc import Mapping
from typing import Annotated, get_type_hints

import msgspec

from evolink_contracts.spec.models import MODELS
from evolink_mock.core.billing import MAX_BALANCE
from evolink_mock.core.grant import Grant
from evolink_mock.core.redaction import masked_key
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.core.task import to_units
from evolink_mock.scenarios.language import parse_scenario
from evolink_mock.settings.bounds import bounds_of, check_bounds
from evolink_mock.settings.types import TypeChecks

Balance = Annotated[float, msgspec.Meta(ge=0, le=MAX_BALANCE)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class KeyRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of one listed key. `balance` in credits; no `models` means every model.

    A limit is of each model family.
    """

    balance: Balance | None = None
    models: list[str] | None = None
    scenario: str | None = None
    requests_per_minute: Limit | None = None
    concurrent_tasks: Limit | None = None

    def grant(self) -> Grant:
        models = None if self.models is None else frozenset(self.models)
        balance = None if self.balance is None else to_units(self.balance)
        return Grant(balance, models, self.scenario, self.requests_per_minute, self.concurrent_tasks)


_BOUNDS = bounds_of(KeyRule)
_TYPES = TypeChecks(get_type_hints(KeyRule), _BOUNDS)


def check_keys(keys: object) -> None:
    """Raise `ValueError` for keys that are no mapping, and for the first key with a wrong setting."""
    form = 'keys must map API keys to their settings, such as {"sk-a": KeyRule(balance=20)}'
    if not isinstance(keys, Mapping):
        raise ValueError(f"{form}; got a value of type {type(keys).__name__}")
    for key, rule in keys.items():
        if not isinstance(key, str) or not isinstance(rule, KeyRule):
            raise ValueError(f"{form}; got a {type(key).__name__} with a {type(rule).__name__}")
        check_key(key, rule)


def check_key(key: str, rule: KeyRule) -> None:
    """Raise `ValueError` for a key that cannot be sent, or for a setting of it that is wrong."""
    shown = masked_key(key)
    if not key or any(character <= " " or character == "\x7f" for character in key):
        raise ValueError(f"keys: {shown!r} cannot be sent as a bearer key: it is empty, or has a space in it")
    _TYPES.check(rule, lambda name: f"keys: {name} of {shown}")
    check_bounds(rule, _BOUNDS, lambda name: f"keys: {name} of {shown}")
    if rule.scenario is not None:
        try:
            parse_scenario(rule.scenario)
        except ValueError as error:
            raise ValueError(f"keys: the scenario of {shown}: {error}") from None
    for model in rule.models or ():
        if model not in MODELS:
            raise ValueError(f"keys: of {shown}: {unknown_name('model', model, tuple(MODELS))}")
