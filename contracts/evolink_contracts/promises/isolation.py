"""Promises about isolation: tasks of other accounts, and repeated creates."""

from collections.abc import Iterator

from evolink_contracts.promises.promise import Finding, expect, promise
from evolink_contracts.trace.history import TASK_PATH, Create, History, from_intermediary


@promise("VC-090", "another account's task", "A query of another account's task gets 403 permission_denied.", "S1b")
def foreign_task(history: History) -> Iterator[Finding]:
    for call in history.queries:
        create = history.owners.get(call.path.removeprefix(TASK_PATH))
        if from_intermediary(call):
            continue
        if create is not None and create.call.who != call.who and call.access == "granted":
            said = (call.status, call.error_code)
            yield expect(said == (403, "permission_denied"), f"it got {said}", create.call, call)


def _keyed(history: History) -> Iterator[tuple[Create, Create]]:
    """Each accepted create with an Idempotency-Key, paired with each later create with the same key."""
    first: dict[tuple[str, str], Create] = {}
    for create in history.creates:
        key = (create.call.sent_headers or {}).get("idempotency-key")
        if key is None or create.assessment.violations or from_intermediary(create.call):
            continue
        earlier = first.get((create.call.who, key))
        if earlier is not None:
            yield earlier, create
        elif create.accepted:
            first[create.call.who, key] = create


@promise(
    "VC-091",
    "same key, same request",
    "The same request with the same Idempotency-Key gets the same task, and Idempotency-Replayed: true.",
    "S2",
    "vendor client",
)
def replayed(history: History) -> Iterator[Finding]:
    for earlier, later in _keyed(history):
        if earlier.body == later.body:
            holds = later.accepted and later.task == earlier.task and later.replayed
            if holds and later.call.headers is None:
                continue  # A recording without headers does not show Idempotency-Replayed.
            was, became = (create.task or "no id" for create in (earlier, later))
            says = f"after {was} it got {later.call.status} with {became} (replayed: {later.replayed})"
            yield expect(holds, says, earlier.call, later.call)


@promise(
    "VC-092",
    "same key, another request",
    "Another request with the same Idempotency-Key gets 409 idempotency_conflict.",
    "S2",
    "vendor client",
)
def conflict(history: History) -> Iterator[Finding]:
    for earlier, later in _keyed(history):
        if earlier.body != later.body:
            said = (later.call.status, later.call.error_code)
            yield expect(said == (409, "idempotency_conflict"), f"it got {said}", earlier.call, later.call)


@promise(
    "VC-093",
    "form of the Idempotency-Key",
    "An Idempotency-Key has 16 to 96 letters, digits, dots, hyphens and underscores.",
    "S2",
    "vendor client",
    "warning",
)
def key_form(history: History) -> Iterator[Finding]:
    for create in history.creates:
        if create.assessment.violations == (("idempotency-key", "form"),) and not from_intermediary(create.call):
            key = (create.call.sent_headers or {})["idempotency-key"]
            yield expect(create.call.status == 400, f"{key!r} got {create.call.status}", create.call)


PROMISES = (
    foreign_task,
    replayed,
    conflict,
    key_form,
)
