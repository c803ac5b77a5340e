"""Public: Hypothesis strategies of requests, callback URLs, receiver outcomes and histories, for your own tests."""

from evolink_contracts.reference.extras import has_hypothesis, hypothesis_missing

if not has_hypothesis():
    raise ModuleNotFoundError(hypothesis_missing(__name__), name="hypothesis")

from evolink_contracts.stateful.strategies import callback_urls as callback_urls
from evolink_contracts.stateful.strategies import histories as histories
from evolink_contracts.stateful.strategies import invalid_requests as invalid_requests
from evolink_contracts.stateful.strategies import receiver_outcomes as receiver_outcomes
from evolink_contracts.stateful.strategies import valid_requests as valid_requests
