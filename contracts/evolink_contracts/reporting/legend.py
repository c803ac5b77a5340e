"""Legend of a report: the meaning of the source, the basis and the severity of a promise."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from evolink_contracts.promises.promise import SEVERITIES, Promise, Severity
from evolink_contracts.spec.sources import SOURCES, Basis

BASES: Mapping[Basis, str] = MappingProxyType(
    {
        "documented": "the official documentation says it",
        "recorded": "recorded answers of the live service show it",
        "vendor client": "a client of the vendor relies on it",
        "third party": "clients or documents of others rely on it",
        "inferred": "no source says it; this project concludes it",
    }
)
"""The meaning of each basis, the most reliable first."""
MEANINGS: Mapping[Severity, str] = MappingProxyType(
    {
        "critical": "clients may stop working",
        "warning": "clients should know of it",
        "information": "worth knowing; clients go on working",
    }
)
"""The meaning of each severity, the worst first."""


def bracket(promise: Promise) -> str:
    """The source, basis and severity of a promise, such as `[S1a, documented, critical]`."""
    return f"[{promise.source}, {promise.basis}, {promise.severity}]"


def legend(promises: Iterable[Promise]) -> Iterator[tuple[str, str]]:
    """Each source, basis and severity that these promises have, with its meaning."""
    shown = list(promises)
    sources, bases = {promise.source for promise in shown}, {promise.basis for promise in shown}
    severities = {promise.severity for promise in shown}
    yield from ((key, f"{row.title}, {row.where}") for key, row in SOURCES.items() if key in sources)
    yield from ((basis, meaning) for basis, meaning in BASES.items() if basis in bases)
    yield from ((severity, MEANINGS[severity]) for severity in SEVERITIES if severity in severities)


def legend_lines(promises: Iterable[Promise]) -> Iterator[str]:
    """The same in lines of text, below a title."""
    yield "[source, basis, severity] of a promise:"
    yield from (f"  {word}: {meaning}" for word, meaning in legend(promises))
