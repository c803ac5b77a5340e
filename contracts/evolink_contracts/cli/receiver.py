"""`evolink-contracts receiver`: checks a receiver of callbacks by its answers, as text or JSON."""

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import click

from evolink_contracts.cli.exit_codes import Exit
from evolink_contracts.cli.options import fail, print_report
from evolink_contracts.reference.errors import NoResponse, ServiceUnusable
from evolink_contracts.reporting.sentences import MARKS, clean
from evolink_contracts.runs.receiver import ReceiverJudgement, check_receiver
from evolink_contracts.runs.receiver_promises import UNKNOWN_ID
from evolink_contracts.target.diagnosis import is_base_url
from evolink_contracts.target.transports import HttpTransport
from evolink_contracts.trace.header import origin_of, without_secrets

LIMITS = (
    "A receiver is checked by its statuses, not by its effects: an application that credits a user twice for one "
    "callback passes too."
)


def execute(target: str, task: str, *, as_json: bool) -> None:
    """Run the command, and exit with its code."""
    judgements = _judgements(target, task)
    origin = origin_of(target)
    passed = all(judgement.passed for judgement in judgements)
    if as_json:
        print_report(clean(json.dumps(_rows(judgements, origin), indent=2, ensure_ascii=False)))
    else:
        print_report(clean("\n".join(_lines(judgements, origin))))
        if task == UNKNOWN_ID and not passed:
            click.echo("If it refuses tasks that it does not know, give --task one that it knows.")
    sys.exit(Exit.PASSED if passed else Exit.FAILED)


def _judgements(target: str, task: str) -> list[ReceiverJudgement]:
    if not is_base_url(target):
        shown = without_secrets(target)[:80]
        raise click.BadParameter(f"--target must be such as http://127.0.0.1:3000/webhooks; got {shown!r}")
    parts = urlsplit(target)
    path = target.removeprefix(f"{parts.scheme}://{parts.netloc}").partition("#")[0] or "/"
    try:
        transport = HttpTransport(f"{parts.scheme}://{parts.netloc}", timeout=15)
    except ServiceUnusable as error:
        fail(f"{origin_of(target)}: {error}")
    try:
        transport.send("OPTIONS", path, {}, None)
        return list(check_receiver(transport, path, task))
    except NoResponse as error:
        fail(f"{origin_of(target)}: it gave no answer: {error.why}")
    finally:
        transport.close()


def _ordered(judgements: Sequence[ReceiverJudgement]) -> list[ReceiverJudgement]:
    """The failed ones first."""
    return sorted(judgements, key=lambda judgement: judgement.passed)


def _summary(judgements: Sequence[ReceiverJudgement]) -> str:
    passed = sum(judgement.passed for judgement in judgements)
    return f"{passed} promise{'' if passed == 1 else 's'} passed, {len(judgements) - passed} failed"


def _rows(judgements: Sequence[ReceiverJudgement], origin: str) -> dict[str, Any]:
    rows = [
        {
            "number": each.promise.number,
            "statement": each.promise.statement,
            "verdict": "passed" if each.passed else "failed",
            "problems": each.problems,
        }
        for each in _ordered(judgements)
    ]
    return {"receiver": origin, "summary": _summary(judgements), "limits": LIMITS, "promises": rows}


def _lines(judgements: Sequence[ReceiverJudgement], origin: str) -> Iterator[str]:
    for each in _ordered(judgements):
        mark = MARKS["passed" if each.passed else "failed"]
        yield f"{mark} {each.promise.number} {each.promise.statement}"
        yield from (f"    {problem}" for problem in each.problems)
    yield LIMITS
    yield f"Against the receiver at {origin}."
    yield _summary(judgements)
