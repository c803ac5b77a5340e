"""A state machine of what people do with the API, in any order, judged by the model after every step."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from evolink_contracts.stateful.steps import Player, Step
from evolink_contracts.stateful.strategies import ACTS
from evolink_contracts.target.target import Target


class Customer(RuleBasedStateMachine):
    """One customer and a receiver, on a clock that only they move, or by waiting where there is none to move.

    `opened` gives a fresh service for each history. What a step does, and what must hold after it, is `Player`'s.
    """

    opened: Callable[[], AbstractContextManager[Target]]

    def __init__(self) -> None:
        super().__init__()
        self._opening = type(self).opened()
        self.target = self._opening.__enter__()
        self.player = Player(self.target)

    @rule(step=ACTS["create"])
    def create(self, step: Step) -> None:
        """Create a task; some are called back, and some fail."""
        self.player.play(step)

    @rule(step=ACTS["create_wrongly"])
    def create_wrongly(self, step: Step) -> None:
        """Create with one fault."""
        self.player.play(step)

    @precondition(lambda self: self.player.tasks)
    @rule(step=ACTS["query"])
    def query(self, step: Step) -> None:
        """Look at a task."""
        self.player.play(step)

    @rule(step=ACTS["advance"])
    def advance(self, step: Step) -> None:
        """Let time pass."""
        self.player.play(step)

    @rule(step=ACTS["look_at_credits"])
    def look_at_credits(self, step: Step) -> None:
        """Ask where the credits stand."""
        self.player.play(step)

    @rule(step=ACTS["answer_a_callback"])
    def answer_a_callback(self, step: Step) -> None:
        """Say what the next callback is answered with."""
        self.player.play(step)

    @precondition(lambda self: self.player.tasks and "control" in self.target.can)
    @rule(step=ACTS["cancel"])
    def cancel(self, step: Step) -> None:
        """Cancel a task by hand, where the service has a way to."""
        self.player.play(step)

    @precondition(lambda self: "control" in self.target.can)
    @rule(step=ACTS["inject"])
    def inject(self, step: Step) -> None:
        """Let the next create be refused."""
        self.player.play(step)

    @precondition(lambda self: self.player.tasks and "control" in self.target.can)
    @rule(step=ACTS["reset"])
    def reset(self, step: Step) -> None:
        """Begin anew, with what was before forgotten."""
        self.player.play(step)

    def teardown(self) -> None:
        """At the end of a history every promise is judged by all that happened."""
        try:
            self.player.finish()
        finally:
            self._opening.__exit__(None, None, None)


def customer(
    opened: Callable[[], AbstractContextManager[Target]], machine: type[Customer] = Customer
) -> type[Customer]:
    """The machine of a service that `opened` gives anew for each history; `machine` may have rules of your own."""
    return type("ContractOfThisService", (machine,), {"opened": staticmethod(opened)})
