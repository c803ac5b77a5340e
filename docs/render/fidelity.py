"""The fidelity report as a page: each behaviour with its basis and source."""

from collections.abc import Mapping
from typing import Any

from docs.render import Page
from docs.render.markdown import code, join, prose, sentence, table
from evolink_contracts.spec.sources import RULINGS, SOURCES
from evolink_mock.control.fidelity import fidelity
from evolink_mock.core.choices import Choices


def _body() -> str:
    report: Mapping[str, Any] = fidelity(Choices())
    return join(
        "`GET /__mock/fidelity` answers the same as JSON, with the choices in force. Bases, best first: *documented*, "
        "*recorded* (from the live service), *vendor client* (as the vendor's client has it), *third party*, "
        "*inferred*. Open questions are settings ([Settings](settings.md#open-questions-of-the-api)); errors and "
        "failure codes have their bases on "
        "[Failure codes](failure-codes.md), prices and fields on [HTTP API](http-api.md).",
        "## Sources",
        table(("Source", "Title", "Place"), ((s.key, prose(s.title), _place(s.where)) for s in SOURCES.values())),
        "## Behaviour of the emulator",
        table(
            ("Subject", "Behaviour", "Basis"),
            ((prose(row["subject"]), sentence(row["behaviour"]), row["basis"]) for row in report["emulator"]),
        ),
        "## Timing",
        table(("Behaviour", "Facts", "Basis"), map(_timing, report["timing"])),
        "## Decisions without a setting",
        table(
            ("Subject", "Decision", "Basis", "Source"),
            ((prose(row.subject), prose(row.ruling), row.basis, row.source) for row in RULINGS),
        ),
    )


def _place(where: str) -> str:
    return f"<{where}>" if where.startswith("https://") else prose(where)


def _timing(row: Mapping[str, Any]) -> tuple[str, str, str]:
    facts = [f"{name} {code(_shown(value))}" for name, value in row.items() if name not in _APART]
    return row["behaviour"], ", ".join(facts).replace("_", " "), f"{row['basis']}, {row['source']}"


_APART = ("behaviour", "basis", "source")


def _shown(value: Any) -> str:
    return ", ".join(f"{each:g}" for each in value) if isinstance(value, tuple | list) else str(value)


PAGE = Page("Fidelity", "Each behaviour with its basis and source.", _body)
