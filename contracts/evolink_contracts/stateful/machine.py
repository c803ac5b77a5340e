"""A Hypothesis state machine that performs the actions of a client in any order, checked after every step."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from evolink_contracts.stateful.actions import ACTIONS, Action, Step, play_step
from evolink_contracts.stateful.session import Session
from evolink_contracts.stateful.strategies import STEPS
from evolink_contracts.target.target import Target


class Customer(RuleBasedStateMachine):
    """A client with a webhook, on a clock that only it moves, or that passes by waiting if it cannot be moved.

    `opened` gives a fresh service for each history. Each row of `ACTIONS` is a rule.
    """

    opened: Callable[[], AbstractContextManager[Target]]

    def __init__(self) -> None:
        super().__init__()
        with ExitStack() as opening:
            self.target = opening.enter_context(type(self).opened())
            self.session = Session(self.target)
            self._open = opening.pop_all()

    def play(self, step: Step) -> None:
        play_step(self.session, step)

    def teardown(self) -> None:
        """Check the whole history by every promise."""
        # A history that fails leaves the service as one that passes does: what `opened` yields is taken back.
        try:
            self.session.finish()
        finally:
            self._open.close()


def _rule_of(action: Action) -> Callable[[Customer, Step], None]:
    def perform(self: Customer, step: Step) -> None:
        self.play(step)

    # Hypothesis prints a history by these names.
    perform.__name__ = action.name
    perform.__doc__ = action.says
    made: Callable[[Customer, Step], None] = rule(step=STEPS[action.name])(perform)
    if action.needs_task or action.needs_control:
        made = precondition(lambda self: action.is_useful(self.session))(made)
    return made


for _action in ACTIONS.values():
    setattr(Customer, _action.name, _rule_of(_action))


def customer(
    opened: Callable[[], AbstractContextManager[Target]], machine: type[Customer] = Customer
) -> type[Customer]:
    """The machine of a service that `opened` gives anew for each history; `machine` may have rules of your own."""
    return type("ContractOfThisService", (machine,), {"opened": staticmethod(opened)})
