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
    meaning="The same key with the same request gives the same task, and is charged once.",
)
IDEMPOTENCY_REPLAYED = Header(
    name="Idempotency-Replayed",
    pattern="^true$",
    meaning="`true` where the Idempotency-Key was used before, and this is the task of then.",
)
REQUEST_ID = Header(name="X-Request-Id", meaning="Names the exchange.")
RETRY_AFTER = Header(name="Retry-After", pattern="^[1-9][0-9]*$", meaning="In how many seconds to try again.")
