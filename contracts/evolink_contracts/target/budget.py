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
from evolink_contracts.target.guard import task_name
from evolink_contracts.trace.events import Call, decoded
from evolink_contracts.trace.history import Create

CHEAPEST: Mapping[str, Any] = {"duration": 2, "quality": "720p", "generate_audio": False}
"""The fields of the cheapest task."""

_LONGEST = max(field.maximum or 0 for field in FLASH.fields)
_DEAREST = max(MODELS.values(), key=lambda model: model.price.per_second(model.price.highest_quality))
"""The model whose seconds cost most: a create without a known model may be taken for any."""
_EXACT = 1e-6
_LONGEST_CLAIMED = 1e9


class Budget:
    """At most `limit` credits. `rate` is the highest price of a second of video; without it the known prices apply, and
    are scaled up as soon as a create reserves more than they say. Raises `ValueError` for unusable numbers.

    Each create is booked at its highest price before it is sent. That stands until the answer shows the price, or is a
    refusal: a create without an answer, or with a 5xx, may have been billed.

    A create that must be refused is booked too, and is withheld if it does not fit. If one is accepted all the same, it
    counts, and no further one is sent.
    """

    def __init__(self, limit: Credits, rate: Credits | None = None) -> None:
        if not (isfinite(limit) and limit >= 0):
            raise ValueError(f"the credits to spend must be a finite number, 0 or more; got {limit:g}")
        if rate is not None and not (isfinite(rate) and rate > 0):
            raise ValueError(f"the price of a second of video must be a finite number above 0; got {rate:g}")
        self.limit = limit
        self.spent: Credits = 0.0
        self._booked: Credits = 0.0
        self._paid: set[str] = set()
        self._rate = rate
        self._scale = 1.0
        self._accepted_faulty = ""

    def highest_price(self, body: Mapping[str, Any]) -> Credits:
        """The highest price that a create can have."""
        return self._scale * self._known_price(body)

    def _known_price(self, body: Mapping[str, Any]) -> Credits:
        assessed = assess_create(json.dumps(body), {})
        wrong = {violation.field for violation in assessed.violations}
        model = assessed.model or _DEAREST
        if assessed.model is None:
            dearest: dict[str, Any] = {"duration": _LONGEST, "quality": model.price.highest_quality}
        else:
            dearest = _dearest(body, model, wrong)
        if self._rate is None:
            return cost_of(dearest, model)
        return price_of(Fraction(str(self._rate)), dearest.get("duration") or 5, model)

    def require(self, bodies: Iterable[Mapping[str, Any]]) -> None:
        """Check that all of these can be paid. Raises `BudgetExceeded`."""
        costs = [self.highest_price(body) for body in bodies]
        if not self._fits(sum(costs)):
            what = "a create" if len(costs) == 1 else f"{len(costs)} creates"
            raise BudgetExceeded(f"{what} may cost {credits_text(sum(costs))} credits; {self._state()}")

    def _fits(self, cost: Credits) -> bool:
        return self.spent + self._booked + cost <= self.limit + _EXACT

    def _state(self) -> str:
        return f"of {credits_text(self.limit)} (--max-credits) {credits_text(self.spent + self._booked)} are spent"

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
        self.spent, self._booked = self.spent + self._booked, price

    def after_create(self, call: Call) -> None:
        create = Create(call, assess_create(call.sent, call.sent_headers))
        booked, self._booked = self._booked, 0.0
        if not create.accepted:
            self.spent += 0.0 if 400 <= call.status < 500 else booked
            return
        if create.replayed and create.task in self._paid:
            return
        self._book(create)
        if self.spent > self.limit + _EXACT:
            raise BudgetExceeded(
                f"{task_name(create)} may have cost more than was left: "
                f"{credits_text(self.spent)} credits of {credits_text(self.limit)} are spent"
            )

    def _book(self, create: Create) -> None:
        reserved = _reserved(create)
        if reserved is not None and not create.assessment.violations:
            self._scale = max(self._scale, reserved / max(self._known_price(create.body), _EXACT))
        self.spent += self.highest_price(create.body) if reserved is None else reserved
        self._paid |= {create.task} - {""}
        if create.assessment.violations:
            self._accepted_faulty = task_name(create)


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
