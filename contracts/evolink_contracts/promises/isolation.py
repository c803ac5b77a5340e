"""What keeps requests apart: keys of different customers, and creates that are sent twice."""

from collections.abc import Iterator

from evolink_contracts.promises.registry import Finding, expect, invariant
from evolink_contracts.trace.history import TASK_PATH, Create, History, by_another


@invariant("VC-090", "somebody else's task", "A query of another account's task gets 403 permission_denied.", "S1b")
def foreign_task(history: History) -> Iterator[Finding]:
    for call in history.queries:
        create = history.owners.get(call.path.removeprefix(TASK_PATH))
        if by_another(call):
            continue
        if create is not None and create.call.who != call.who and call.access == "granted":
            error = call.json.get("error") if isinstance(call.json, dict) else None
            said = (call.status, error.get("code") if isinstance(error, dict) else None)
            yield expect(said == (403, "permission_denied"), f"it got {said}", create.call, call)


def _keyed(history: History) -> Iterator[tuple[Create, Create]]:
    """Each create with an idempotency key that another had before, and that one."""
    first: dict[tuple[str, str], Create] = {}
    for create in history.creates:
        key = create.call.sent_headers.get("idempotency-key")
        if key is None or create.judged.faults or by_another(create.call):
            continue
        earlier = first.get((create.call.who, key))
        if earlier is not None:
            yield earlier, create
        elif create.accepted:
            first[create.call.who, key] = create


@invariant(
    "VC-091",
    "same key, same request",
    "It gets the task that was made before, and Idempotency-Replayed: true.",
    "S2",
    "vendor client",
)
def replayed(history: History) -> Iterator[Finding]:
    for earlier, later in _keyed(history):
        if earlier.body == later.body:
            holds = later.accepted and later.task == earlier.task and later.replayed
            was, became = (create.task or "no id" for create in (earlier, later))
            says = f"after {was} it got {later.call.status} with {became}, replayed: {later.replayed}"
            yield expect(holds, says, earlier.call, later.call)


@invariant("VC-092", "same key, another request", "It gets 409 idempotency_conflict.", "S2", "vendor client")
def conflict(history: History) -> Iterator[Finding]:
    for earlier, later in _keyed(history):
        if earlier.body != later.body:
            error = later.answer.get("error")
            said = (later.call.status, error.get("code") if isinstance(error, dict) else None)
            yield expect(said == (409, "idempotency_conflict"), f"it got {said}", earlier.call, later.call)


@invariant(
    "VC-093",
    "key of a form",
    "An Idempotency-Key has 16 to 96 letters, digits, dots, dashes and underscores.",
    "S2",
    "vendor client",
    "warning",
)
def key_form(history: History) -> Iterator[Finding]:
    for create in history.creates:
        if create.judged.faults == (("idempotency-key", "form"),) and not by_another(create.call):
            key = create.call.sent_headers["idempotency-key"]
            yield expect(create.call.status == 400, f"{key!r} got {create.call.status}", create.call)
