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


@promise("VC-060", "body", "A callback's body is what a query of the task answers.", "S1a")
def same_as_query(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        ended = [read for read in task.reads if read.status in TERMINAL]
        for attempt in task.attempts:
            if ended:
                holds = attempt.json == ended[-1].body
                yield expect(holds, "the bodies differ", ended[-1].call, attempt)


@promise("VC-061", "URL", "A callback goes to the URL that was given, byte for byte.", "S1a")
def given_url(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        if task.create is None:
            continue
        asked = task.create.body.get("callback_url")
        for attempt in task.attempts:
            yield expect(attempt.url == asked, f"it came to {attempt.url}", task.create.call, attempt)


@promise("VC-062", "method", "A callback is a POST of JSON.", "S1a")
def method(history: History) -> Iterator[Finding]:
    for attempt in history.attempts:
        if not attempt.headers:
            continue  # A recording without headers shows nothing.
        kind = attempt.headers.get("content-type", "")
        holds = attempt.method == "POST" and kind.partition(";")[0].strip().lower() == "application/json"
        yield expect(holds and attempt.json is not None, f"{attempt.method} of {kind!r}", attempt)


@promise("VC-063", "ends only", "Only ends are announced, never what comes before.", "S1a")
def ends_only(history: History) -> Iterator[Finding]:
    for attempt in history.attempts:
        said = str(attempt.json.get("status")) if isinstance(attempt.json, dict) else ""
        yield expect(said in TERMINAL, f"it announces {said!r}", attempt)


@promise("VC-064", "2xx is enough", "After an answer of 2xx nothing more is sent.", "S1a")
def success_is_enough(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for earlier, later in pairwise(task.attempts):
            if succeeded(earlier):
                says = f"after {earlier.outcome} it came again"
                yield expect(False, says, earlier, later)
        if task.attempts and succeeded(task.attempts[-1]):
            yield expect(True, "", task.attempts[-1])


@promise(
    "VC-065", "anything else is not", "After any other answer, 3xx included, or none in time, it is sent again.", "S1a"
)
def failure_is_retried(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for chain in task.chains:
            for number, attempt in enumerate(chain[: POLICY.max_attempts - 1], 1):
                if not succeeded(attempt) and history.observed_until(task) >= attempt.at + attempt.took + _PATIENCE:
                    says = f"after {attempt.outcome} nothing more came"
                    yield expect(number < len(chain), says, attempt)


@promise("VC-066", "four attempts", "There are at most four attempts.", "S1a")
def four_attempts(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for chain in task.chains:
            says = f"there were {len(chain)}"
            yield expect(len(chain) <= POLICY.max_attempts, says, *chain)


@promise("VC-067", "gaps", "Attempts follow 1, 2 and 4 s after the failure before.", "S1a")
def gaps(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for chain in task.chains:
            for gap, (earlier, later) in zip(POLICY.gaps, pairwise(chain), strict=False):
                found = later.at - earlier.at - earlier.took
                says = f"{found:.2f} s passed where {gap:g} s belong"
                yield expect(abs(found - gap) <= history.tolerance, says, earlier, later)


@promise("VC-068", "10 s", "A receiver has 10 s to answer.", "S1a")
def ten_seconds(history: History) -> Iterator[Finding]:
    for attempt in history.attempts:
        if attempt.outcome == "timeout":
            says = f"the sender left after {attempt.took:.2f} s"
            yield expect(abs(attempt.took - POLICY.timeout) <= history.tolerance, says, attempt)


@promise("VC-069", "called back", "A task with a callback URL that ended is called back, however it ended.", "S1a")
def called_back(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        if task.create is None or not task.create.call.notes.get("listens"):
            continue
        ended = [read for read in task.reads if read.status in TERMINAL]
        if ended and history.observed_until(task) >= ended[0].call.at + _PATIENCE:
            yield expect(bool(task.attempts), "no callback came", task.create.call, ended[0].call)


@promise("VC-070", "only who asked", "A task without a callback URL is not called back.", "S1a")
def only_who_asked(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        if task.create is not None and task.create.body.get("callback_url") is None:
            yield expect(not task.attempts, "it was called back", task.create.call, *task.attempts[:1])


@promise("VC-071", "after the end", "A callback comes after the end, and not before.", "S1a")
def after_the_end(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        open_reads = [read for read in task.reads if read.status not in TERMINAL]
        if task.attempts and open_reads:
            first, latest = task.attempts[0], open_reads[-1]
            says = f"it was still {latest.status} after the callback"
            yield expect(latest.call.at <= first.at, says, first, latest.call)


@promise("VC-072", "same words", "Every attempt of one callback has the same body.", "S1a", "inferred")
def same_words(history: History) -> Iterator[Finding]:
    for task in history.tasks:
        for earlier, later in pairwise(task.attempts):
            yield expect(earlier.body == later.body, "the bodies differ", earlier, later)


@promise("VC-073", "unsigned", "A callback has no signature.", "S1a", "documented", "information")
def unsigned(history: History) -> Iterator[Finding]:
    for attempt in history.attempts:
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
