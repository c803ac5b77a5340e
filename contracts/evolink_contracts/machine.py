"""`customer`: a Hypothesis state machine that plays a customer, for the tests of users."""

from evolink_contracts.stateful.machine import customer as customer
