"""Public: a Hypothesis state machine that acts as a client, for your own tests."""

from evolink_contracts.reference.extras import has_hypothesis, hypothesis_missing

if not has_hypothesis():
    raise ModuleNotFoundError(hypothesis_missing(__name__), name="hypothesis")

from evolink_contracts.stateful.machine import customer as customer
