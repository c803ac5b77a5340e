"""What this emulator does, and how well each part is known of the real service."""

from dataclasses import asdict

from evolink_contracts.spec.errors import ERRORS, FAILURES
from evolink_contracts.spec.models import MODELS
from evolink_contracts.spec.sources import CONFLICTS, RULINGS, SOURCES
from evolink_contracts.spec.timing import RESULT_LINK, TASK_RETENTION, CallbackPolicy
from evolink_mock.core.choices import Choices

_OWN = (
    ("time to generate", "drawn by --generation-time; estimated_time stays what the page shows", "inferred"),
    ("pending share", "10 to 30 % of that time is spent pending", "inferred"),
    ("progress", "grows evenly from 1 to 99 while processing", "inferred"),
    (
        "seeded ids",
        "ids have the documented form; their suffixes come from the seed and never repeat for a key",
        "inferred",
    ),
    (
        "result video",
        "an MP4 of the length and the quality that were asked for, from the picture on",
        "inferred",
    ),
    ("result video without the extra media", "of one colour and silent, in 16 to 9", "inferred"),
    ("frames a second", "24; no source says how many", "inferred"),
    ("result links", "GET, HEAD, ranges, entity tags; any page may show them", "inferred"),
    (
        "image and audio files",
        "judged by their bytes where a route leads, else by their URL's end",
        "inferred",
    ),
    ("pictures that move, or png that is clear", "the task fails: image_processing_error", "inferred"),
    ("sides and lengths of files", "the task fails: invalid_parameters, with this model's limits", "documented"),
    ("the timeline", "a page and a stream of the emulator's own", "inferred"),
    ("uploads", "base64, stream and URL; 72 hours; formats by their bytes", "documented"),
    ("uploads: list, removal, refusals", "as the vendor's client expects them", "vendor client"),
    ("callbacks", "judged, posted and retried as documented; routes say where they go", "documented"),
    ("deliver_public", "the address is judged again at the moment of connecting", "inferred"),
    ("sink.mock", "an emulator extension: a receiver that answers as its path says", "inferred"),
    ("delivery scenarios", "an emulator extension: duplicate, late, lost and the like, when asked for", "inferred"),
    ("X-Request-Id", "on every answer", "vendor client"),
    (
        "scenarios",
        "an emulator extension: errors, faults, latencies and outcomes, when asked for by any door",
        "inferred",
    ),
    ("Idempotency-Key", "the same request gives the same task; another, or one still unanswered, 409", "vendor client"),
    ("Retry-After", "with the 429 of a limit or a scenario, in whole seconds", "vendor client"),
    ("limits of a model family", "creates a minute and unfinished tasks, off unless set", "third party"),
    ("/__mock", "an emulator extension: clock, worlds, tasks, deliveries, inbox, events, journal", "inferred"),
)


def fidelity(choices: Choices, policy: CallbackPolicy) -> dict[str, object]:
    """Each behaviour with its basis and source; each open question with its readings and the one in force."""
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
            for model in MODELS.values()
            for field in model.fields
        ],
        "prices": [{"model": model.name, **asdict(rate)} for model in MODELS.values() for rate in model.rates],
        "errors": [asdict(row) for row in ERRORS.values()],
        "task_failures": [asdict(row) for row in FAILURES.values()],
        "timing": [
            {"behaviour": "callback policy", **asdict(policy), "success": _statuses(policy.success)},
            *(
                {
                    "behaviour": row.name,
                    "seconds": row.seconds,
                    "since": row.since,
                    "basis": row.basis,
                    "source": row.source,
                }
                for row in (RESULT_LINK, TASK_RETENTION)
            ),
        ],
        "choices": [
            {**asdict(row), "default": row.default, "in_force": getattr(choices, row.setting)}
            for row in CONFLICTS.values()
        ],
        "rulings": [asdict(row) for row in RULINGS],
        "emulator": [{"subject": subject, "behaviour": does, "basis": basis} for subject, does, basis in _OWN],
    }


def _statuses(success: range) -> str:
    """A range of statuses in words: a whole class such as `2xx`, or its bounds."""
    first, last = success.start, success.stop - 1
    return f"{first // 100}xx" if (first % 100, last - first) == (0, 99) else f"{first} to {last}"
