"""Failure codes of tasks, and the errors of the API by condition."""

from docs.render import Page
from docs.render.markdown import code, codes, join, prose, sentence, table
from evolink_contracts.spec.errors import ERRORS, FAILURES, HttpError, TaskFailure


def _body() -> str:
    return join(
        "## Failure codes of tasks",
        "A failed task has one in `error.code`. The set is open: codes of the upstream service pass through. "
        "`fail=CODE` ([scenario words](scenario-words.md)) makes a task fail with it.",
        table(("Code", "Message", "Retry", "Advice", "Origin", "Basis"), map(_failure, FAILURES.values())),
        "## Errors of the API",
        "`create=CONDITION`, `query=CONDITION` and `credits=CONDITION` make a request fail with one of its operation.",
        table(
            ("Operation", "Condition", "Status", "Code", "Type", "Message", "Basis"),
            (_error(operation, row) for (operation, _), row in ERRORS.items()),
        ),
    )


def _failure(row: TaskFailure) -> tuple[str, str, str, str, str, str]:
    others = f" Also: {codes(row.variants)}." if row.variants else ""
    basis = f"{row.basis}, {row.source}; message {row.wording}"
    retry = "yes" if row.retryable else "no"
    return code(row.code), sentence(row.message) + others, retry, sentence(row.advice), row.origin, basis


def _error(operation: str, row: HttpError) -> tuple[str, ...]:
    basis = f"{row.basis}, {row.source}" + ("" if row.wording == row.basis else f"; message {row.wording}")
    return operation, code(row.condition), str(row.status), code(row.code), code(row.type), prose(row.message), basis


PAGE = Page("Failure codes", "Codes of failed tasks, and the errors of the API by condition.", _body)
