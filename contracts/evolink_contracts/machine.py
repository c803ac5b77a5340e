"""A state machine of what people do with the API, in any order, judged by the model after every step."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from evolink_contracts.edges import Edge, edges, valid
from evolink_contracts.history import CREATE_PATH
from evolink_contracts.invariants import judge
from evolink_contracts.ledger import Ledger
from evolink_contracts.oracle import judge_create
from evolink_contracts.probes import id_of
from evolink_contracts.spec.errors import FAILURES
from evolink_contracts.strategies import receiver_outcomes
from evolink_contracts.target import Target

JSON = {"content-type": "application/json"}
# Ready-made, since drawing a whole request at every step takes ten times as long as carrying it out.
_REQUESTS = st.sampled_from(
    [
        valid() | {"duration": duration, "quality": quality, "generate_audio": sound}
        for duration in (5, 2, 15)
        for quality in ("720p", "1080p")
        for sound in (True, False)
    ]
)
_FAULTY = st.sampled_from(
    [edge for edge in edges() if len(judge_create(edge.body.decode("utf-8", "replace"), {}).faults) == 1]
)
# Half of them succeed: what is charged shows by those alone.
_OUTCOMES = st.none() | st.sampled_from([*(f"fail={code}" for code in FAILURES), "cancel=failed"])


class Broken(AssertionError):
    """A promise did not hold; says which and how."""


class Customer(RuleBasedStateMachine):
    """One customer and a receiver, on a clock that only they move. `opened` gives a fresh service for each history."""

    opened: Callable[[], AbstractContextManager[Target]]
    tasks: Bundle[str] = Bundle("tasks")

    def __init__(self) -> None:
        super().__init__()
        self._opening = type(self).opened()
        self.target = self._opening.__enter__()
        self.ledger = Ledger()
        self._number = 0

    @rule(body=_REQUESTS, outcome=_OUTCOMES, answers=st.none() | receiver_outcomes(), target=tasks)
    def create(self, body: dict[str, Any], outcome: str | None, answers: list[int] | None) -> str:
        """Create a task; some are called back, and some fail."""
        self._number += 1
        hook = self.target.hook
        if answers is not None and hook is not None:
            script = ",".join(map(str, answers))
            body = {**body, "callback_url": f"{hook.origin}/{self._number}/{script}"}
        headers = JSON if outcome is None else {**JSON, "x-mock-scenario": outcome}
        notes = {"listens": answers is not None}
        content = json.dumps(body).encode()
        call = self.target.call("POST", CREATE_PATH, content=content, headers=headers, notes=notes)
        self._expect(call.status == 200, f"a request without a fault got {call.status}: {call.answer[:200]}")
        self.ledger.created(call, judge_create(call.sent, JSON))
        return id_of(call)

    @rule(edge=_FAULTY)
    def create_wrongly(self, edge: Edge) -> None:
        """Create with one fault."""
        call = self.target.call("POST", CREATE_PATH, content=edge.body, headers=JSON)
        self._expect(call.status in (400, 403), f"{edge.title} got {call.status}")

    @rule(task=tasks)
    def query(self, task: str) -> None:
        """Look at a task."""
        self._expect_none(self.ledger.read(self.target.query(task)))

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 10.0, 60.0]))
    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.target.advance(seconds)

    @rule()
    def look_at_credits(self) -> None:
        """Ask where the credits stand."""
        self._expect_none(self.ledger.looked(self.target.credits()))

    @precondition(lambda self: self.ledger.known)
    @rule(task=tasks)
    def cancel(self, task: str) -> None:
        """Cancel a task by hand, where the service has a way to."""
        self.target.try_control(f"tasks/{task}/cancel")

    @invariant()
    def callbacks_are_in_time(self) -> None:
        """After every step: who was called back, was so as the policy says."""
        self._expect_none(self.ledger.heard(self.target.trace))

    def teardown(self) -> None:
        """At the end of a history every promise is judged by all that happened."""
        try:
            broken = [each for each in judge(tuple(self.target.trace)) if each.verdict == "broken"]
            if broken:
                first = broken[0]
                raise Broken(f"{first.invariant.number} {first.invariant.statement}: {first.shortest.broken}")
        finally:
            self._opening.__exit__(None, None, None)

    def _expect(self, holds: bool, says: str) -> None:
        if not holds:
            raise Broken(says)

    def _expect_none(self, says: str | None) -> None:
        if says is not None:
            raise Broken(says)


def customer(opened: Callable[[], AbstractContextManager[Target]]) -> type[Customer]:
    """The machine of a service that `opened` gives anew for each history."""
    return type("ContractOfThisService", (Customer,), {"opened": staticmethod(opened)})
