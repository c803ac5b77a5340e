"""The promises of the API, composed from one list for each area, in the order of their numbers."""

from evolink_contracts.promises import billing, callbacks, creation, isolation, queries, refusals

PROMISES = (
    *creation.PROMISES,
    *refusals.PROMISES,
    *queries.PROMISES,
    *callbacks.PROMISES,
    *billing.PROMISES,
    *isolation.PROMISES,
)
