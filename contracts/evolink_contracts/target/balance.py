"""Balance: the credits that a service shows as spent since the first reading, by GET /v1/credits."""

from collections.abc import Iterator, Mapping
from typing import Any

from evolink_contracts.reference.numbers import finite_number
from evolink_contracts.spec.wire import Credits
from evolink_contracts.trace.events import decoded

_SIGNS: Mapping[str, int] = {"used_credits": 1, "remaining_credits": -1}
"""Which way each figure goes as credits are spent."""


class Balance:
    """The readings of one key, its own figures and those of its user; the figure that moved most counts."""

    def __init__(self) -> None:
        self._first: dict[str, float] = {}
        self.is_known = False
        """Whether the last reading had figures."""
        self.spent: Credits = 0.0
        """By the last reading with figures; below 0 after a refund."""

    @property
    def was_known(self) -> bool:
        """Whether any reading had figures."""
        return bool(self._first)

    def read(self, status: int, text: str) -> None:
        """Take in a response to GET /v1/credits. One that has no figures leaves what is known."""
        figures = dict(_figures(decoded(text))) if status == 200 else {}
        self.is_known = bool(figures)
        for name, figure in figures.items():
            self._first.setdefault(name, figure)
        if figures:
            self.spent = max(figure - self._first[name] for name, figure in figures.items())


def _figures(body: object) -> Iterator[tuple[str, float]]:
    """Each finite figure, signed so that it grows as credits are spent."""
    data: Any = body.get("data") if isinstance(body, dict) else None
    for owner in ("token", "user"):
        fields = data.get(owner) if isinstance(data, dict) else None
        for name, sign in _SIGNS.items():
            figure = finite_number(fields.get(name)) if isinstance(fields, dict) else None
            if figure is not None:
                yield f"{owner}.{name}", sign * figure
