"""The grant of an API key: its credits, models, limits and default scenario."""

from typing import NamedTuple

from evolink_mock.core.task import Units


class Grant(NamedTuple):
    """Limits of one API key; `None` means no limit."""

    balance: Units | None = None
    models: frozenset[str] | None = None
    scenario: str | None = None
    """The scenario of its requests where no other source says anything."""
    per_minute: int | None = None
    """Creates of one model family in any 60 s."""
    at_once: int | None = None
    """Unfinished tasks of one model family."""
