"""The fidelity report: each behaviour of the emulator with its basis and source."""

from dataclasses import asdict

from evolink_contracts.spec.errors import ERRORS, FAILURES
from evolink_contracts.spec.sources import CONFLICTS, RULINGS, SOURCES
from evolink_contracts.spec.timing import TASK_RETENTION
from evolink_mock.core.behaviour import DOCUMENTED, Behaviour
from evolink_mock.core.choices import Choices

_EMULATOR = (
    ("generation time", "random, from --generation-time; estimated_time is that of the vendor's page", "inferred"),
    ("pending share", "10 to 30 % of the generation time", "inferred"),
    (
        "seeded ids",
        "ids have the documented form; their suffixes are seeded, and never repeat for a key",
        "inferred",
    ),
    (
        "result video",
        "an MP4 of the requested length and quality that begins with the input image",
        "inferred",
    ),
    ("result video without the extra media", "one colour, silent, 16:9", "inferred"),
    ("frames per second", "24; no source names a number", "inferred"),
    ("result links", "GET, HEAD, ranges, entity tags; readable from any origin", "inferred"),
    (
        "image and audio files",
        "checked by their bytes if a media route matches, else by the extension of their URL",
        "inferred",
    ),
    ("animated images, png with an alpha channel", "the task fails: image_processing_error", "inferred"),
    ("dimensions and lengths of files", "the task fails: invalid_parameters, with the model's limits", "documented"),
    ("the timeline", "an emulator extension: a page and a stream of server-sent events", "inferred"),
    (
        "the start page",
        "an emulator extension: HTML at / for browsers, and an index as JSON for other clients",
        "inferred",
    ),
    ("uploads", "base64, stream and URL; kept for 72 hours; formats detected by their bytes", "documented"),
    ("uploads: list, deletion, errors", "as the vendor's client expects them", "vendor client"),
    ("callbacks", "checked, posted and retried as documented; callback routes choose the destination", "documented"),
    ("deliver_public", "the address is checked again when the connection is opened", "inferred"),
    ("sink.mock", "an emulator extension: a receiver whose path scripts its responses", "inferred"),
    (
        "delivery scenarios",
        "an emulator extension: duplicate, late, lost and other callbacks, only on request",
        "inferred",
    ),
    ("X-Request-Id", "on every response", "vendor client"),
    ("HTTP upgrades", "an upgrade that is offered is ignored, and the request carried out", "inferred"),
    ("idle connections", "stay open for keep_alive seconds, 75 unless set", "inferred"),
    ("header values", "read as UTF-8, or as Latin-1 where they are not valid UTF-8", "inferred"),
    (
        "encoded request bodies",
        "compressed ones, UTF-16, UTF-32 and byte-order marks are refused with 400, and named",
        "inferred",
    ),
    ("POST /v1/tasks/batch", "404, since it is not served; the vendor's newest client calls it", "vendor client"),
    (
        "callback answers",
        "up to 64 KiB of head and 64 KiB of body are read, and no more than 1 s after the status line",
        "inferred",
    ),
    (
        "scenarios",
        "an emulator extension: errors, faults, latencies and outcomes, only when a scenario source asks for them",
        "inferred",
    ),
    (
        "Idempotency-Key",
        "the same request returns the same task; another request, or one still unanswered, gets 409",
        "vendor client",
    ),
    ("Retry-After", "with the 429 of a limit or a scenario, in whole seconds", "vendor client"),
    ("limits of a model family", "creates per minute and unfinished tasks, off unless set", "third party"),
    ("/__mock", "an emulator extension: clock, worlds, tasks, deliveries, inbox, events, journal", "inferred"),
)


def fidelity(choices: Choices, behaviour: Behaviour = DOCUMENTED) -> dict[str, object]:
    """Each behaviour with its basis and source; each open question with its readings and the one in force."""
    models = behaviour.models.values()
    return {
        "sources": [asdict(source) for source in SOURCES.values()],
        "fields": [
            {
                "model": model.name,
                "field": field.path,
                "observable": field.observable,
                "basis": field.basis,
                "source": field.source,
            }
            for model in models
            for field in model.fields
        ],
        "prices": [{"model": model.name, **asdict(model.price)} for model in models],
        "errors": [asdict(row) for row in ERRORS.values()],
        "task_failures": [asdict(row) for row in FAILURES.values()],
        "timing": _timing(behaviour),
        "choices": [
            {**asdict(row), "default": row.default, "in_force": getattr(choices, row.setting)}
            for row in CONFLICTS.values()
        ],
        "rulings": [asdict(row) for row in RULINGS],
        "emulator": [{"subject": subject, "behaviour": text, "basis": basis} for subject, text, basis in _EMULATOR],
    }


def _timing(behaviour: Behaviour) -> list[dict[str, object]]:
    policy = behaviour.policy
    lifetimes = (
        {"behaviour": row.name, "seconds": row.seconds, "since": row.since, "basis": row.basis, "source": row.source}
        for row in (behaviour.result_link, TASK_RETENTION)
    )
    return [{"behaviour": "callback policy", **asdict(policy), "success": _statuses(policy.success)}, *lifetimes]


def _statuses(success: range) -> str:
    """A range of statuses in words: a whole class such as `2xx`, or its bounds."""
    first, last = success.start, success.stop - 1
    return f"{first // 100}xx" if (first % 100, last - first) == (0, 99) else f"{first} to {last}"
