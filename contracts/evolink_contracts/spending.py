"""What a run may cost: guards that look at each create before it is sent, and at its answer."""

import json
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, Protocol

from evolink_contracts.history import Create
from evolink_contracts.oracle import judge_create
from evolink_contracts.spec.models import MODELS
from evolink_contracts.spec.wire import Credits
from evolink_contracts.trace import Call

_FLASH = MODELS["wan2.6-image-to-video-flash"]
_LONGEST = max(field.maximum or 0 for field in _FLASH.fields)
_DEAREST = max(rate.credits_per_second for rate in _FLASH.rates)
_EXACT = 1e-6


class Stopped(Exception):
    """A run that must not go on; says why, in a sentence."""


class Accepted(Stopped):
    """A service accepted what it had to refuse, which may cost credits; nothing more was sent."""

    def __init__(self, create: Create) -> None:
        super().__init__(
            f"a create without a required field was accepted as {_called(create)}; look after that task and its credits"
        )


class Overspent(Stopped):
    """The next create could cost more than is left; it was not sent. Or a faulty one was accepted, and took it all."""


class Refrained(Exception):
    """What must be refused is not tried again, since it was accepted before; says so in a sentence."""


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
    and once a create shows what it reserves, as many times those as that is.

    What has to be refused is taken to cost nothing. Once such a create is accepted all the same it counts, and no other
    is sent.
    """

    def __init__(self, limit: Credits, rate: Credits | None = None) -> None:
        self.limit = limit
        self.spent: Credits = 0.0
        self._rate = rate
        self._scale = 1.0
        self._lenient = ""

    def worst(self, body: Mapping[str, Any]) -> Credits:
        """What a create can cost."""
        return self._scale * self._usual(body)

    def _usual(self, body: Mapping[str, Any]) -> Credits:
        judged = judge_create(json.dumps(body), {})
        if self._rate is not None:
            return self._rate * (_LONGEST if judged.faults else body.get("duration") or 5)
        return _DEAREST * _LONGEST if judged.cost is None else judged.cost

    def afford(self, bodies: Iterable[Mapping[str, Any]]) -> None:
        """See that all of these can be paid. Raises `Overspent`."""
        costs = [self.worst(body) for body in bodies]
        if self.spent + sum(costs) > self.limit + _EXACT:
            what = "a create" if len(costs) == 1 else f"{len(costs)} creates"
            raise Overspent(
                f"{what} may cost {sum(costs):g} credits; of {self.limit:g} (--max-credits) {self.spent:g} are spent"
            )

    def before(self, sent: str | None, headers: Mapping[str, str]) -> None:
        if not judge_create(sent, headers).faults:
            self.afford([json.loads(sent or "")])
        elif self._lenient:
            raise Refrained(f"{self._lenient} was accepted though it broke a rule, and another may cost credits too")

    def after(self, call: Call) -> None:
        create = Create(call, judge_create(call.sent, call.sent_headers))
        if not create.accepted or create.replayed:
            return
        reserved = _reserved(create)
        if reserved is not None and not create.judged.faults:
            self._scale = max(self._scale, reserved / max(self._usual(create.body), _EXACT))
        self.spent += self.worst(create.body) if reserved is None else reserved
        if create.judged.faults:
            self._lenient = _called(create)
        if self.spent > self.limit + _EXACT:
            raise Overspent(
                f"{_called(create)} may have cost more than was left: "
                f"{self.spent:g} credits of {self.limit:g} are spent"
            )


def _called(create: Create) -> str:
    return create.task or "a task without an id"


def _reserved(create: Create) -> Credits | None:
    """What is reserved, or `None` for what is no price."""
    reserved = create.usage.get("credits_reserved")
    if not isinstance(reserved, int | float) or isinstance(reserved, bool):
        return None
    return float(reserved) if isfinite(reserved) and reserved >= 0 else None
