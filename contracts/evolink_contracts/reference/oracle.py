"""The reference model: what the facts say must be answered, without any service. Written from the facts alone."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from evolink_contracts.reference.public_addresses import is_internal
from evolink_contracts.spec.fields import Field, Kind
from evolink_contracts.spec.models import MODELS, Model
from evolink_contracts.spec.wire import Credits, Seconds

Rule: TypeAlias = Literal[
    "missing", "type", "length", "range", "choice", "count", "url", "scheme", "internal", "json", "content type", "form"
]


class Fault(NamedTuple):
    """A rule that a create request breaks. `field` is its path, or `body` where it is not a field's."""

    field: str
    rule: Rule


class Judged(NamedTuple):
    """A create request as the facts have it. Without faults it has to be accepted, unless the key is not granted so.

    `unsure` where a reasonable service may decide either way, such as for a host that nobody can read.
    """

    faults: tuple[Fault, ...]
    model: Model | None = None
    cost: Credits | None = None
    """What is reserved, where nothing is faulty."""
    unsure: bool = False


_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9._-]{16,96}")


def judge_create(sent: str | None, headers: Mapping[str, str]) -> Judged:
    """All faults of a create request, in the order of the documents. The names of headers are in small letters."""
    content_type, key = headers.get("content-type"), headers.get("idempotency-key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        return Judged((Fault("idempotency-key", "form"),))
    if content_type is not None and content_type.partition(";")[0].strip().lower() != "application/json":
        return Judged((Fault("body", "content type"),))
    try:
        body = json.loads(sent or "")
    except (ValueError, RecursionError):
        return Judged((Fault("body", "json"),))
    if not isinstance(body, dict):
        return Judged((Fault("body", "type"),))
    name = body.get("model")
    if name is None:
        return Judged((Fault("model", "missing"),))
    if not isinstance(name, str):
        return Judged((Fault("model", "type"),))
    model = MODELS.get(name)
    if model is None:
        return Judged((Fault("model", "choice"),))
    faults = tuple(_faults(body, model))
    url = body.get("callback_url")
    unsure = isinstance(url, str) and not faults and is_internal(url) is None
    return Judged(faults, model, None if faults else cost_of(body, model), unsure)


def _faults(body: Mapping[str, Any], model: Model) -> Iterator[Fault]:
    for field in model.fields:
        holder: Any = body if field.parent is None else body.get(field.parent)
        value = holder.get(field.name) if isinstance(holder, dict) else None
        if value is None:
            if field.required:
                yield Fault(field.path, "missing")
            continue
        if (rule := _broken(field, value)) is not None:
            yield Fault(field.path, rule)


def _broken(field: Field, value: object) -> Rule | None:
    if not isinstance(value, _TYPES[field.kind]) or (isinstance(value, bool) and field.kind != "boolean"):
        return "type"
    return _LIMITS[field.kind](field, value)


def _broken_text(field: Field, text: Any) -> Rule | None:
    if field.choices:
        return None if text in field.choices else "choice"
    return "length" if field.max_length is not None and len(text) > field.max_length else None


def _broken_number(field: Field, number: Any) -> Rule | None:
    return None if (field.minimum or 0) <= number <= (field.maximum or number) else "range"


def _broken_list(field: Field, urls: Any) -> Rule | None:
    if not all(isinstance(url, str) for url in urls):
        return "type"
    if not all(map(_is_http, urls)):
        return "url"
    return None if len(urls) == field.max_items else "count"


def _broken_url(field: Field, url: Any) -> Rule | None:
    if field.media is not None:
        return None if _is_http(url) else "url"
    if field.max_length is not None and len(url) > field.max_length:
        return "length"
    if not url.lower().startswith("https://"):
        return "scheme"
    return "internal" if is_internal(url) else None


def _free(field: Field, value: Any) -> Rule | None:
    return None


_TYPES: Mapping[Kind, type] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "urls": list,
    "url": str,
}
_LIMITS: Mapping[Kind, Callable[[Field, Any], Rule | None]] = {
    "string": _broken_text,
    "integer": _broken_number,
    "boolean": _free,
    "object": _free,
    "urls": _broken_list,
    "url": _broken_url,
}


def _is_http(url: str) -> bool:
    return re.match(r"https?://[^/?#]", url, re.IGNORECASE) is not None and re.search(r"[\s\\]", url) is None


def cost_of(body: Mapping[str, Any], model: Model, length: Seconds | None = None) -> Credits:
    """What a faultless request costs; `length` is the real one of its video."""
    audio = body.get("audio_url") is not None or body.get("generate_audio") is not False
    quality = body.get("quality") or "720p"
    rates = {(rate.quality, rate.audio): rate.credits_per_second for rate in model.rates}
    rate = rates.get((quality, audio), rates[quality, True])
    return round(rate * (length if length is not None else body.get("duration") or 5), 4)


ORDER: Mapping[str, int] = {"pending": 0, "processing": 1, "completed": 2, "failed": 2, "cancelled": 2}
"""How far a task has come by its status; what is 2 stays as it is for ever."""
