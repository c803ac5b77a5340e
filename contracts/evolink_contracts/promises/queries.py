"""Promises about task queries: status, progress, results and errors of a task."""

import re
from collections.abc import Iterator
from itertools import pairwise

from evolink_contracts.promises.promise import Finding, expect, promise
from evolink_contracts.reference.numbers import finite_number
from evolink_contracts.reference.oracle import STATUS_RANK
from evolink_contracts.reference.recorded_body import difference_from_recorded, is_recorded
from evolink_contracts.spec.errors import FAILURES, TASK_ERROR_TYPE
from evolink_contracts.spec.timing import RESULT_LINK
from evolink_contracts.spec.wire import DOCUMENTED_STATUSES, TASK_OBJECT, TERMINAL
from evolink_contracts.trace.history import History, from_intermediary, is_inconclusive


@promise(
    "VC-040", "query fields", "A query returns id, object, created, model, type, status, progress and task_info.", "S1b"
)
def query_fields(history: History) -> Iterator[Finding]:
    shape = {"id": str, "object": str, "created": int, "model": str, "type": str, "status": str, "progress": int}
    for task in history.tasks:
        for read in task.reads:
            wrong = [name for name, kind in shape.items() if type(read.body.get(name)) is not kind]
            info = read.body.get("task_info")
            if not isinstance(info, dict) or type(info.get("can_cancel", True)) is not bool:
                wrong.append("task_info.can_cancel")
            if read.body.get("object") != TASK_OBJECT or read.body.get("type") != "video":
                wrong.append("object or type")
            yield expect(not wrong, f"missing or wrong: {', '.join(wrong)}", read.call)


@promise("VC-041", "status", "A status is pending, processing, completed or failed.", "S1b")
def status(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for read in task.reads:
            yield expect(read.status in DOCUMENTED_STATUSES, f"the status is {read.status!r}", read.call)


@promise(
    "VC-042",
    "status never goes back",
    "A status moves from pending to processing to a terminal state, and never back.",
    "S1b",
)
def never_back(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for earlier, later in pairwise(task.reads):
            before, after = STATUS_RANK.get(earlier.status, 0), STATUS_RANK.get(later.status, 0)
            says = f"{earlier.status} became {later.status}"
            holds = after > before or later.status == earlier.status
            yield expect(holds, says, earlier.call, later.call)


@promise("VC-043", "progress", "Progress is from 0 to 100, and does not decrease before the task ends.", "S1b")
def progress(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for read in task.reads:
            shown = read.body.get("progress")
            yield expect(type(shown) is int and 0 <= shown <= 100, f"progress is {shown!r}", read.call)
        for earlier, later in pairwise(task.reads):
            before, after = earlier.body.get("progress"), later.body.get("progress")
            if later.status != "failed" and isinstance(before, int) and isinstance(after, int):
                yield expect(after >= before, f"{before} became {after}", earlier.call, later.call)


@promise("VC-044", "progress 100", "Progress is 100 exactly when the task is completed.", "S1b", "inferred")
def hundred_is_the_end(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for read in task.reads:
            holds = (read.body.get("progress") == 100) == (read.status == "completed")
            yield expect(holds, f"{read.status} at {read.body.get('progress')} %", read.call)


@promise("VC-045", "results", "A completed task has results, a flat list of URLs; no other task has results.", "S1b")
def results(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for read in task.reads:
            found = read.body.get("results")
            if read.status != "completed":
                yield expect("results" not in read.body, f"{read.status} with results {found}", read.call)
                continue
            urls = found if isinstance(found, list) else []
            holds = bool(urls) and all(isinstance(url, str) and re.match("https?://", url) for url in urls)
            yield expect(holds, f"completed with results {found}", read.call)


@promise(
    "VC-046", "error", "A failed task has an error with code, message and type; no other task has an error.", "S1b"
)
def error(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for read in task.reads:
            found = read.body.get("error")
            if read.status != "failed":
                yield expect("error" not in read.body, f"{read.status} with error {found}", read.call)
                continue
            said = found if isinstance(found, dict) else {}
            holds = isinstance(said.get("code"), str) and isinstance(said.get("message"), str)
            yield expect(holds and said.get("type") == TASK_ERROR_TYPE, f"the error is {found}", read.call)


@promise("VC-047", "progress of a failed task", "A failed task has progress 0.", "S1c", "documented", "warning")
def failed_at_0(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for read in task.reads:
            if read.status == "failed":
                yield expect(read.body.get("progress") == 0, f"it shows {read.body.get('progress')}", read.call)


@promise("VC-048", "failure codes", "A task that fails by a requested code shows that code.", "S1c")
def failure_codes(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        asked = None if task.create is None else task.create.call.notes.get("fails")
        for read in task.reads:
            found = read.body.get("error")
            if isinstance(asked, str) and asked in FAILURES and isinstance(found, dict):
                yield expect(found.get("code") == asked, f"{asked} became {found.get('code')}", read.call)


@promise(
    "VC-049",
    "can_cancel",
    "can_cancel is true until the task ends, and false afterwards.",
    "S5",
    "third party",
    "warning",
)
def can_cancel(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for read in task.reads:
            info = read.body.get("task_info")
            shown = info.get("can_cancel") if isinstance(info, dict) else None
            if shown is None:
                continue  # A newer extract of the documents has no can_cancel; VC-040 checks its type.
            yield expect(shown is (read.status not in TERMINAL), f"{read.status} with {shown}", read.call)


@promise(
    "VC-050",
    "terminal state is final",
    "The response to a query does not change after the task has ended.",
    "S1b",
    "inferred",
)
def the_end_stays(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for earlier, later in pairwise(task.reads):
            if earlier.status in TERMINAL:
                holds = earlier.body == later.body
                yield expect(holds, "the response changed after the task had ended", earlier.call, later.call)


@promise("VC-051", "same task", "A query returns the id, created and model that the create returned.", "S1b")
def same_task(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        if task.create is None:
            continue
        answer = task.create.answer
        for read in task.reads:
            wrong = [name for name in ("id", "created", "model") if read.body.get(name) != answer.get(name)]
            yield expect(not wrong, f"changed: {', '.join(wrong)}", task.create.call, read.call)


@promise(
    "VC-052",
    "no other fields",
    "A query returns neither usage nor result_data, except for a completed task as it was recorded.",
    "S1b",
    "documented",
    "warning",
)
def nothing_more(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for read in task.reads:
            extra = {"usage", "result_data"} & read.body.keys()
            if is_recorded(read.body):
                unlike = difference_from_recorded(read.body)
                yield expect(not unlike, f"unlike the recorded body: {unlike}", read.call)
            else:
                yield expect(not extra, f"it has {', '.join(sorted(extra))}", read.call)


@promise("VC-053", "new task can be queried", "A task can be queried as soon as it is created.", "S1b")
def readable(history: History) -> Iterator[Finding]:
    for call in history.queries:
        create = history.owners.get(call.path.rpartition("/")[2])
        if create is None or create.call.who != call.who or call.access != "granted" or is_inconclusive(call):
            continue
        if call.at - create.call.at < RESULT_LINK.seconds:
            yield expect(call.status == 200, f"its owner got {call.status}", create.call, call)


@promise("VC-054", "result links expire", "A result link works for 24 hours after completion, and no longer.", "S1a")
def links_live_a_day(history: History) -> Iterator[Finding]:
    for call in history.calls:
        age = finite_number(call.notes.get("age"))
        if age is not None and not from_intermediary(call):
            alive = age < RESULT_LINK.seconds
            says = f"after {age:g} s it got {call.status}"
            yield expect((call.status == 200) is alive, says, call)


@promise(
    "VC-055",
    "task ends",
    "A task that nothing delays ends within the time that it was given.",
    "S1b",
    "inferred",
    "warning",
)
def it_ends(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for read in task.reads:
            if read.call.notes.get("ended"):
                yield expect(read.status in TERMINAL, f"it is still {read.status}", read.call)


PROMISES = (
    query_fields,
    status,
    never_back,
    progress,
    hundred_is_the_end,
    results,
    error,
    failed_at_0,
    failure_codes,
    can_cancel,
    the_end_stays,
    same_task,
    nothing_more,
    readable,
    links_live_a_day,
    it_ends,
)
