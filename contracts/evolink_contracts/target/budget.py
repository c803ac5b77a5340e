"""What a run may cost: guards that look at each create before it is sent, and at its answer."""

import json
from collections.abc import Container, Iterable, Mapping
from math import isfinite
from typing import Any, Protocol

from evolink_contracts.reference.numbers import amount
from evolink_contracts.reference.oracle import cost_of, judge_create
from evolink_contracts.spec.models import MODELS, Model
from evolink_contracts.spec.wire import Credits
from evolink_contracts.trace.events import Call, decoded
from evolink_contracts.trace.history import Create

_FLASH = MODELS["wan2.6-image-to-video-flash"]
_LONGEST = max(field.maximum or 0 for field in _FLASH.fields)
_DEAREST = max(rate.credits_per_second for rate in _FLASH.rates)
_EXACT = 1e-6
_ENDLESS = 1e9


class Stopped(Exception):
    """A run that must not go on; says why, in a sentence."""


class Accepted(Stopped):
    """A service accepted what it had to refuse, which may cost credits; nothing more was sent."""

    def __init__(self, create: Create) -> None:
        super().__init__(
            f"a create without a required field was accepted as {_called(create)}; look after that task and its credits"
        )


class Overspent(Stopped):
    """The next create could cost more than is left; it was not sent. Or one was accepted for more than that."""


class Refrained(Exception):
    """What must be refused is not tried again, since it was accepted before; says so in a sentence."""


class TooDear(Refrained):
    """What must be refused is not tried, since it could cost more than is left if it were accepted."""


class Guard(Protocol):
    """Each method raises `Stopped` where a run must not go on, or `Refrained` where this create must not be sent."""

    def before(self, sent: str | None, headers: Mapping[str, str]) -> None: ...
    def after(self, call: Call) -> None: ...


class Harmless:
    """Nothing that is sent may be accepted."""

    def before(self, sent: str | None, headers: Mapping[str, str]) -> None: ...

    def after(self, call: Call) -> None:
        create = Create(call, judge_create(call.sent, call.sent_headers))
        if create.accepted:
            raise Accepted(create)


class Purse:
    """At most `limit` credits. `rate` is what a second of video costs at most; without one, the known prices count,
    and once a create shows what it reserves, as many times those as that is. Raises `ValueError` for no such numbers.

    Each create is booked at its worst before it is sent, and that stands until its answer says what it costs, or is a
    refusal: one that gets no answer, or a 5xx, may have been billed.

    What has to be refused is booked too, and left out where it does not fit. Once such a create is accepted all the
    same it counts, and no other is sent.
    """

    def __init__(self, limit: Credits, rate: Credits | None = None) -> None:
        if not (isfinite(limit) and limit >= 0):
            raise ValueError(f"the most to be spent is {limit:g} credits, where a finite number from 0 on belongs")
        if rate is not None and not (isfinite(rate) and rate > 0):
            raise ValueError(f"a second of video costs {rate:g} credits, where a finite number above 0 belongs")
        self.limit = limit
        self.spent: Credits = 0.0
        self._booked: Credits = 0.0
        self._paid: set[str] = set()
        self._rate = rate
        self._scale = 1.0
        self._lenient = ""

    def worst(self, body: Mapping[str, Any]) -> Credits:
        """What a create can cost."""
        return self._scale * self._usual(body)

    def _usual(self, body: Mapping[str, Any]) -> Credits:
        judged = judge_create(json.dumps(body), {})
        wrong = {fault.field for fault in judged.faults}
        if judged.model is None:
            return (_DEAREST if self._rate is None else self._rate) * _LONGEST
        dear = _dearest(body, judged.model, wrong)
        return cost_of(dear, judged.model) if self._rate is None else self._rate * (dear.get("duration") or 5)

    def afford(self, bodies: Iterable[Mapping[str, Any]]) -> None:
        """See that all of these can be paid. Raises `Overspent`."""
        costs = [self.worst(body) for body in bodies]
        if not self._fits(sum(costs)):
            what = "a create" if len(costs) == 1 else f"{len(costs)} creates"
            raise Overspent(f"{what} may cost {sum(costs):g} credits; {self._state()}")

    def _fits(self, cost: Credits) -> bool:
        return self.spent + self._booked + cost <= self.limit + _EXACT

    def _state(self) -> str:
        return f"of {self.limit:g} (--max-credits) {self.spent + self._booked:g} are spent"

    def before(self, sent: str | None, headers: Mapping[str, str]) -> None:
        body = _body(sent)
        if not judge_create(sent, headers).faults:
            self.afford([body])
        elif self._lenient:
            raise Refrained(f"{self._lenient} was accepted though it broke a rule, and another may cost credits too")
        elif not self._fits(self.worst(body)):
            raise TooDear(
                f"a create that breaks a rule may cost {self.worst(body):g} credits if it is accepted; {self._state()}"
            )
        # What is booked still is a create whose answer never came.
        self.spent, self._booked = self.spent + self._booked, self.worst(body)

    def after(self, call: Call) -> None:
        create = Create(call, judge_create(call.sent, call.sent_headers))
        booked, self._booked = self._booked, 0.0
        if not create.accepted:
            self.spent += 0.0 if 400 <= call.status < 500 else booked
            return
        if create.replayed and create.task in self._paid:
            return
        self._pay(create)
        if self.spent > self.limit + _EXACT:
            raise Overspent(
                f"{_called(create)} may have cost more than was left: "
                f"{self.spent:g} credits of {self.limit:g} are spent"
            )

    def _pay(self, create: Create) -> None:
        reserved = _reserved(create)
        if reserved is not None and not create.judged.faults:
            self._scale = max(self._scale, reserved / max(self._usual(create.body), _EXACT))
        self.spent += self.worst(create.body) if reserved is None else reserved
        self._paid |= {create.task} - {""}
        if create.judged.faults:
            self._lenient = _called(create)


def _dearest(body: Mapping[str, Any], model: Model, wrong: Container[str]) -> dict[str, Any]:
    """The same, with the dearest in place of what is wrong, since nobody knows what a service makes of that."""
    dear = dict(body)
    if "duration" in wrong:
        asked = dear["duration"]
        dear["duration"] = max(_LONGEST, min(asked, _ENDLESS)) if isinstance(asked, int | float) else _LONGEST
    if "quality" in wrong:
        dear["quality"] = max(model.rates, key=lambda rate: rate.credits_per_second).quality
    if "generate_audio" in wrong:
        dear["generate_audio"] = True
    return dear


def _body(sent: str | None) -> dict[str, Any]:
    body = decoded(sent or "")
    return body if isinstance(body, dict) else {}


def _called(create: Create) -> str:
    return create.task or "a task without an id"


def _reserved(create: Create) -> Credits | None:
    """What is reserved, or `None` for what is no price."""
    reserved = amount(create.usage.get("credits_reserved"))
    return reserved if reserved is not None and reserved >= 0 else None
