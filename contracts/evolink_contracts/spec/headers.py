"""Headers of the API beyond HTTP's own, one row each."""

from dataclasses import dataclass

from evolink_contracts.spec.sources import Basis


@dataclass(frozen=True, kw_only=True)
class Header:
    """One request or response header; `pattern` is a regular expression for the whole value."""

    name: str
    meaning: str
    pattern: str = "^.+$"
    basis: Basis = "vendor client"
    source: str = "S2"


IDEMPOTENCY_KEY = Header(
    name="Idempotency-Key",
    pattern="^[A-Za-z0-9._-]{16,96}$",
    meaning="The same key with the same request returns the same task, which is charged once.",
)
IDEMPOTENCY_REPLAYED = Header(
    name="Idempotency-Replayed",
    pattern="^true$",
    meaning="`true` if the Idempotency-Key was used before and the response has the task of that create.",
)
REQUEST_ID = Header(name="X-Request-Id", meaning="Identifies the request and its response.")
RETRY_AFTER = Header(name="Retry-After", pattern="^[1-9][0-9]*$", meaning="Seconds to wait before a retry.")
