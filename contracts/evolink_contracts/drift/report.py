"""Reports of a replay, as text and as JSON, which name the recorded service."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict

from evolink_contracts.drift.findings import Drift, DriftResult
from evolink_contracts.promises.promise import SEVERITIES
from evolink_contracts.reporting.curl import curl
from evolink_contracts.reporting.sentences import clean
from evolink_contracts.trace.events import Call
from evolink_contracts.trace.header import Header

_MARKS = {"critical": "✗", "warning": "!", "information": "·"}


def as_text(found: DriftResult, header: Header) -> str:
    """A line for each difference, the worst first, and a curl command below each that is more than information."""
    lines = []
    for drift in found.drifts:
        what = drift.difference
        times = f" ({drift.times}×)" if drift.times > 1 else ""
        differs = f"{what.where} was {_shown(what.recorded)}, and the emulator has {_shown(what.emulated)}"
        lines.append(f"{_MARKS[what.severity]} {what.severity} {drift.operation}: {differs}{times}")
        if what.severity != "information" and isinstance(drift.event, Call):
            lines.append(f"    {curl(drift.event, header.base_url)}")
    lines += [f"– skipped {_count(count, 'call')}: {reason}" for reason, count in found.skipped.items()]
    return clean("\n".join([*lines, _subject(header), _summary(found)]))


def _subject(header: Header) -> str:
    of = f" of {header.base_url}" if header.base_url is not None else ""
    made = f", {header.recorded}" if header.recorded is not None else ""
    return f"A recording{of}{made} was compared with the emulator."


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _summary(found: DriftResult) -> str:
    by_severity = Counter(drift.difference.severity for drift in found.drifts)
    counts = ", ".join(f"{by_severity[severity]} {severity}" for severity in SEVERITIES)
    return f"{_count(found.compared, 'answer')} compared; {_count(len(found.drifts), 'difference')}: {counts}"


def as_json(found: DriftResult, header: Header) -> str:
    """The same for programs, with the first event of each difference."""
    said = {
        "base_url": header.base_url,
        "recorded": header.recorded,
        "summary": _summary(found),
        "compared": found.compared,
        "drifts": [_row(drift) for drift in found.drifts],
        "skipped": found.skipped,
    }
    return clean(json.dumps(said, indent=2, ensure_ascii=False))


def _row(drift: Drift) -> dict[str, object]:
    return {
        **drift.difference._asdict(),
        "operation": drift.operation,
        "times": drift.times,
        "event": asdict(drift.event),
    }


FORMATS: Mapping[str, Callable[[DriftResult, Header], str]] = {"text": as_text, "json": as_json}
