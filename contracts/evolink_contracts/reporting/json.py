"""JSON report, for programs."""

import json
from dataclasses import asdict
from typing import Any

from evolink_contracts.promises.promise import Finding, Judgement
from evolink_contracts.reporting.sentences import summary
from evolink_contracts.runs.runner import Report
from evolink_contracts.stateful.search import SearchResult


def _failure_json(breach: Finding) -> dict[str, Any]:
    return {"says": breach.problem, "events": [asdict(event) for event in breach.events]}


def _judgement_json(judgement: Judgement) -> dict[str, Any]:
    promise = judgement.promise
    return {
        "number": promise.number,
        "name": promise.name,
        "statement": promise.statement,
        "source": promise.source,
        "basis": promise.basis,
        "severity": promise.severity,
        "verdict": judgement.verdict,
        "passed": judgement.passed,
        "failed": len(judgement.breaches),
        "example": _failure_json(judgement.shortest) if judgement.breaches else None,
    }


def _searched_json(searched: SearchResult) -> dict[str, Any]:
    failure = searched.failure
    found = (
        None
        if failure is None
        else {"says": failure.says, "steps": failure.steps, "reproducible": failure.reproducible}
    )
    return {"played": searched.played, "seed": searched.seed, "failure": found}


def as_json(report: Report, base_url: str | None) -> str:
    """Every promise with its shortest example, the failed ones first, the skipped probes, and the histories.

    `base_url` is null for a recording of an unknown service, `recorded` for a run and for a recording without a time.
    """
    found = {
        "base_url": base_url,
        "recorded": None if report.recording is None else report.recording.recorded,
        "summary": summary(report),
        "stopped": report.stopped or None,
        "promises": [_judgement_json(judgement) for judgement in report.ordered],
        "skipped": [asdict(skipped) for skipped in report.skipped],
        "histories": None if report.searched is None else _searched_json(report.searched),
    }
    return json.dumps(found, indent=2, ensure_ascii=False)
