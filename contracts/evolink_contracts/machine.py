"""Public: a Hypothesis state machine that plays a customer, for your own tests."""

from evolink_contracts.stateful.machine import customer as customer
