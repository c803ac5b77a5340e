"""Promises about callbacks: URL, body, retries, gaps and time-out."""

from collections.abc import Iterator
from itertools import pairwise

from evolink_contracts.promises.promise import Finding, expect, promise
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS as POLICY
from evolink_contracts.spec.wire import TERMINAL, Seconds
from evolink_contracts.trace.events import Attempt
from evolink_contracts.trace.history import History

_PATIENCE: Seconds = 20.0
"""The time after which no further attempt is expected; the longest gap is 4 s."""


def succeeded(attempt: Attempt) -> bool:
    return isinstance(attempt.outcome, int) and attempt.outcome in POLICY.success


@promise("VC-060", "body", "The body of a callback is the response to a query of the task.", "S1a")
def same_as_query(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        ended = [read for read in task.reads if read.status in TERMINAL]
        for attempt in task.attempts:
            if ended:
                holds = attempt.json == ended[-1].body
                yield expect(holds, "the bodies differ", ended[-1].call, attempt)


@promise("VC-061", "URL", "A callback is sent to exactly the callback_url of the create, byte for byte.", "S1a")
def given_url(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        if task.create is None:
            continue
        asked = task.create.body.get("callback_url")
        for attempt in task.attempts:
            yield expect(attempt.url == asked, f"it was sent to {attempt.url}", task.create.call, attempt)


@promise("VC-062", "method", "A callback is a POST request with a JSON body.", "S1a")
def method(history: History) -> Iterator[Finding]:
    for attempt in history.attempts:
        if not attempt.headers:
            continue  # A recording without headers shows nothing.
        kind = attempt.headers.get("content-type", "")
        holds = attempt.method == "POST" and kind.partition(";")[0].strip().lower() == "application/json"
        yield expect(holds and attempt.json is not None, f"{attempt.method} of {kind!r}", attempt)


@promise("VC-063", "terminal states only", "A callback has a terminal status, never pending or processing.", "S1a")
def ends_only(history: History) -> Iterator[Finding]:
    for attempt in history.attempts:
        said = str(attempt.json.get("status")) if isinstance(attempt.json, dict) else ""
        yield expect(said in TERMINAL, f"its status is {said!r}", attempt)


@promise("VC-064", "no retry after 2xx", "After a 2xx response the callback is not sent again.", "S1a")
def success_is_enough(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for earlier, later in pairwise(task.attempts):
            if succeeded(earlier):
                says = f"it was sent again after {earlier.outcome}"
                yield expect(False, says, earlier, later)
        if task.attempts and succeeded(task.attempts[-1]):
            yield expect(True, "", task.attempts[-1])


@promise(
    "VC-065",
    "retry after a failure",
    "After any other response, 3xx included, or no response in time, the callback is sent again.",
    "S1a",
)
def failure_is_retried(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for chain in task.chains:
            for number, attempt in enumerate(chain[: POLICY.max_attempts - 1], 1):
                if not succeeded(attempt) and history.observed_until(task) >= attempt.at + attempt.took + _PATIENCE:
                    says = f"no attempt followed after {attempt.outcome}"
                    yield expect(number < len(chain), says, attempt)


@promise("VC-066", "four attempts", "A callback has at most four attempts.", "S1a")
def four_attempts(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for chain in task.chains:
            says = f"there were {len(chain)} attempts"
            yield expect(len(chain) <= POLICY.max_attempts, says, *chain)


@promise("VC-067", "gaps", "Retries follow 1, 2 and 4 s after the preceding failure.", "S1a")
def gaps(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for chain in task.chains:
            for gap, (earlier, later) in zip(POLICY.gaps, pairwise(chain), strict=False):
                found = later.at - earlier.at - earlier.took
                says = f"{found:.2f} s passed; {gap:g} s were expected"
                yield expect(abs(found - gap) <= history.tolerance, says, earlier, later)


@promise("VC-068", "10 s", "A receiver has 10 s to respond.", "S1a")
def ten_seconds(history: History) -> Iterator[Finding]:
    for attempt in history.attempts:
        if attempt.outcome == "timeout":
            says = f"the sender gave up after {attempt.took:.2f} s"
            yield expect(abs(attempt.took - POLICY.timeout) <= history.tolerance, says, attempt)


@promise(
    "VC-069",
    "callback is sent",
    "A task that has a callback URL and has ended gets a callback, whatever its terminal state.",
    "S1a",
)
def called_back(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        if task.create is None or not task.create.call.notes.get("listens"):
            continue
        ended = [read for read in task.reads if read.status in TERMINAL]
        if ended and history.observed_until(task) >= ended[0].call.at + _PATIENCE:
            yield expect(bool(task.attempts), "no callback came", task.create.call, ended[0].call)


@promise("VC-070", "no URL, no callback", "A task without a callback URL gets no callback.", "S1a")
def only_who_asked(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        if task.create is not None and task.create.body.get("callback_url") is None:
            yield expect(not task.attempts, "a callback came", task.create.call, *task.attempts[:1])


@promise("VC-071", "not before the end", "A callback is sent after the task has ended, never before.", "S1a")
def after_the_end(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        open_reads = [read for read in task.reads if read.status not in TERMINAL]
        if task.attempts and open_reads:
            first, latest = task.attempts[0], open_reads[-1]
            says = f"it was still {latest.status} after the callback"
            yield expect(latest.call.at <= first.at, says, first, latest.call)


@promise("VC-072", "same body", "All attempts of a callback have the same body.", "S1a", "inferred")
def same_words(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for earlier, later in pairwise(task.attempts):
            yield expect(earlier.body == later.body, "the bodies differ", earlier, later)


@promise("VC-073", "unsigned", "A callback has no signature.", "S1a", "documented", "information")
def unsigned(history: History) -> Iterator[Finding]:
    for attempt in history.attempts:
        if attempt.headers is None:
            continue
        found = [name for name in attempt.headers if "signature" in name]
        yield expect(not found, f"it has {', '.join(found)}", attempt)


PROMISES = (
    same_as_query,
    given_url,
    method,
    ends_only,
    success_is_enough,
    failure_is_retried,
    four_attempts,
    gaps,
    ten_seconds,
    called_back,
    only_who_asked,
    after_the_end,
    same_words,
    unsigned,
)
