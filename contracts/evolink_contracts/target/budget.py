"""Budget: a guard that limits the credits that a run may spend."""

import json
from collections.abc import Container, Iterable, Mapping
from fractions import Fraction
from math import isfinite
from typing import Any

from evolink_contracts.reference.errors import BudgetExceeded, CreateTooExpensive, CreateWithheld
from evolink_contracts.reference.numbers import credits_text, finite_number
from evolink_contracts.reference.oracle import assess_create, cost_of, price_of
from evolink_contracts.spec.models import FLASH, MODELS, Model
from evolink_contracts.spec.wire import Credits
from evolink_contracts.target.balance import Balance
from evolink_contracts.target.guard import task_name
from evolink_contracts.trace.events import Call, decoded
from evolink_contracts.trace.history import Create

CHEAPEST: Mapping[str, Any] = {"duration": 2, "quality": "720p", "generate_audio": False}
"""The fields of the cheapest task."""

_LONGEST = max(field.maximum or 0 for field in FLASH.fields)
_DEAREST = max(MODELS.values(), key=lambda model: model.price.per_second(model.price.highest_quality))
"""The model whose seconds cost most: a create without a known model may be taken for any."""
_DEFAULT_SECONDS = 5
_REFUSALS = frozenset({400, 401, 402, 403})
"""Statuses by which a service says that it did nothing; any other may come from a place that does not know."""
_EXACT = 1e-6
_LONGEST_CLAIMED = 1e9


class Budget:
    """At most `limit` credits. `rate` is the highest price of a second of video; without it the known prices apply.
    Either is scaled up as soon as a create costs more. Raises `ValueError` for unusable numbers.

    Each create is booked at its highest price before it is sent, and that stands: an answer may show that it cost more,
    but nothing that a service says makes it cheaper. Only a refusal (400, 401, 402 or 403) costs nothing, unless the
    balance went down, or can no longer be read. A replay, any other status and a lost answer may have been billed. What
    the balance shows as spent counts if it is more than was booked.

    A create that must be refused is booked too, and is withheld if it does not fit. If one is accepted all the same, it
    counts, and no further one is sent.
    """

    def __init__(self, limit: Credits, rate: Credits | None = None) -> None:
        if not (isfinite(limit) and limit >= 0):
            raise ValueError(f"the credits to spend must be a finite number, 0 or more; got {limit:g}")
        if rate is not None and not (isfinite(rate) and rate > 0):
            raise ValueError(f"the price of a second of video must be a finite number above 0; got {rate:g}")
        self.limit = limit
        self._settled: Credits = 0.0
        self._booked: Credits = 0.0
        self._balance = Balance()
        self._before: Credits = 0.0
        """The credits that the balance showed as spent before the create."""
        self._rate = rate
        self._scale = 1.0
        self._accepted_faulty = ""

    @property
    def spent(self) -> Credits:
        """The credits that may have been spent by the creates that were answered."""
        return max(self._settled, self._balance.spent)

    def balance_read(self, status: int, text: str) -> None:
        """Take in a response to GET /v1/credits, from directly before a create or directly after it."""
        self._balance.read(status, text)

    def highest_price(self, body: Mapping[str, Any]) -> Credits:
        """The highest price that a create can have."""
        return self._scale * self._known_price(body)

    def _known_price(self, body: Mapping[str, Any]) -> Credits:
        dearest, model = self._longest(body)
        if self._rate is None:
            return cost_of(dearest, model)
        return price_of(Fraction(str(self._rate)), dearest.get("duration") or _DEFAULT_SECONDS, model)

    def _longest(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], Model]:
        """The dearest request that a service may take a body for, and its model."""
        assessed = assess_create(json.dumps(body), {})
        wrong = {violation.field for violation in assessed.violations}
        model = assessed.model or _DEAREST
        if assessed.model is None:
            return {"duration": _LONGEST, "quality": model.price.highest_quality}, model
        return _dearest(body, model, wrong), model

    def require(self, bodies: Iterable[Mapping[str, Any]]) -> None:
        """Check that all of these can be paid. Raises `BudgetExceeded`."""
        costs = [self.highest_price(body) for body in bodies]
        if not self._fits(sum(costs)):
            what = "a create" if len(costs) == 1 else f"{len(costs)} creates"
            raise BudgetExceeded(f"{what} may cost {credits_text(sum(costs))} credits; {self._state()}")

    def _fits(self, cost: Credits) -> bool:
        return self._at_most + cost <= self.limit + _EXACT

    @property
    def _at_most(self) -> Credits:
        """The credits that may have been spent, by the create whose answer is not known yet too."""
        return max(self._settled + self._booked, self._balance.spent)

    def _state(self) -> str:
        return f"of {credits_text(self.limit)} (--max-credits) {credits_text(self._at_most)} are spent"

    def before_create(self, sent: str | None, headers: Mapping[str, str]) -> None:
        body = _body(sent)
        price = self.highest_price(body)
        if not assess_create(sent, headers).violations:
            self.require([body])
        elif self._accepted_faulty:
            raise CreateWithheld(
                f"{self._accepted_faulty} was accepted although it broke a rule, and another one may cost credits too"
            )
        elif not self._fits(price):
            raise CreateTooExpensive(
                f"a create that breaks a rule may cost {credits_text(price)} credits if it is accepted; {self._state()}"
            )
        # A booking that is left belongs to a create whose answer never arrived.
        self._settled, self._booked = self._settled + self._booked, price
        self._before = self._balance.spent

    def after_create(self, call: Call) -> None:
        create = Create(call, assess_create(call.sent, call.sent_headers or {}))
        booked, self._booked = self._booked, 0.0
        billed = self._balance.spent - self._before
        if create.accepted:
            self._settle(create, billed)
        elif call.status not in _REFUSALS or billed > _EXACT or self._balance_is_lost:
            self._settled += max(booked, billed)
        if self.spent > self.limit + _EXACT:
            what = task_name(create) if create.accepted else f"a create that was answered with {call.status}"
            raise BudgetExceeded(
                f"{what} may have cost more than was left: "
                f"{credits_text(self.spent)} credits of {credits_text(self.limit)} are spent"
            )

    @property
    def _balance_is_lost(self) -> bool:
        return self._balance.was_known and not self._balance.is_known

    def _settle(self, create: Create, billed: Credits) -> None:
        """Count an accepted create at its highest price, or at what it reserved or cost if that is more."""
        reserved = _reserved(create)
        shown = max(billed, 0.0 if reserved is None else reserved)
        if not create.assessment.violations:
            self._scale = max(self._scale, shown / max(self._known_price(create.body), _EXACT))
        self._settled += max(shown, self._least(create.body, minimum=reserved is None))
        if create.assessment.violations:
            self._accepted_faulty = task_name(create)

    def _least(self, body: Mapping[str, Any], *, minimum: bool) -> Credits:
        """The lowest figure at which an accepted create counts. A `rate` may be below the model's minimum price, which
        then applies only to a create that shows no price."""
        if self._rate is None or minimum:
            return self.highest_price(body)
        return self._scale * self._rate * float(self._longest(body)[0].get("duration") or _DEFAULT_SECONDS)


def _dearest(body: Mapping[str, Any], model: Model, wrong: Container[str]) -> dict[str, Any]:
    """The request with the dearest value in place of each invalid one, since a service may read those in any way."""
    dearest = dict(body)
    if "duration" in wrong:
        asked = dearest["duration"]
        claimed = min(asked, _LONGEST_CLAIMED) if isinstance(asked, int | float) else _LONGEST
        dearest["duration"] = max(_LONGEST, claimed)
    if "quality" in wrong:
        dearest["quality"] = model.price.highest_quality
    if "generate_audio" in wrong:
        dearest["generate_audio"] = True
    return dearest


def _body(sent: str | None) -> dict[str, Any]:
    body = decoded(sent or "")
    return body if isinstance(body, dict) else {}


def _reserved(create: Create) -> Credits | None:
    """The credits that are reserved; `None` if that is no price."""
    reserved = finite_number(create.usage.get("credits_reserved"))
    return reserved if reserved is not None and reserved >= 0 else None
