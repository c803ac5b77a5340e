"""Reference model of create: the rules that a request breaks and its price, from the facts alone."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any, Literal, NamedTuple, TypeAlias

from evolink_contracts.reference.public_addresses import is_internal
from evolink_contracts.spec.fields import Field, Kind
from evolink_contracts.spec.headers import IDEMPOTENCY_KEY
from evolink_contracts.spec.models import MODELS, Model
from evolink_contracts.spec.wire import Credits, Seconds

Rule: TypeAlias = Literal[
    "missing", "type", "length", "range", "choice", "count", "url", "scheme", "internal", "json", "content type", "form"
]


class Violation(NamedTuple):
    """A rule that a create request breaks. `field` is a field's path, or `body` if the rule is about the whole body."""

    field: str
    rule: Rule


class Assessment(NamedTuple):
    """The rules that a create request breaks. Without violations it must be accepted, if the key has the model.

    `unsure` means that a reasonable service may decide either way, such as for an unreadable host, or for an unknown
    model in a request that breaks another rule as well.
    """

    violations: tuple[Violation, ...]
    model: Model | None = None
    cost: Credits | None = None
    """The credits that must be reserved; `None` if a rule is broken."""
    unsure: bool = False


_UNITS = 10_000
"""Parts of a credit that a price is rounded to."""
_IDEMPOTENCY_KEY = re.compile(IDEMPOTENCY_KEY.pattern)


def assess_create(sent: str | None, headers: Mapping[str, str]) -> Assessment:
    """All violations of a create request, in the order of the documents. Header names are in lower case."""
    content_type, key = headers.get("content-type"), headers.get("idempotency-key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        return Assessment((Violation("idempotency-key", "form"),))
    if content_type is not None and content_type.partition(";")[0].strip().lower() != "application/json":
        return Assessment((Violation("body", "content type"),))
    try:
        body = json.loads(sent or "")
    except (ValueError, RecursionError):
        return Assessment((Violation("body", "json"),))
    if not isinstance(body, dict):
        return Assessment((Violation("body", "type"),))
    name = body.get("model")
    if name is None:
        return Assessment((Violation("model", "missing"),))
    if not isinstance(name, str):
        return Assessment((Violation("model", "type"),))
    model = MODELS.get(name)
    if model is None:
        # With a second mistake either may be found first, and not each gets the same answer.
        unsure = all(any(_violations(body, known)) for known in MODELS.values())
        return Assessment((Violation("model", "choice"),), unsure=unsure)
    violations = tuple(_violations(body, model))
    url = body.get("callback_url")
    unsure = isinstance(url, str) and not violations and is_internal(url) is None
    return Assessment(violations, model, None if violations else cost_of(body, model), unsure)


def _violations(body: Mapping[str, Any], model: Model) -> Iterator[Violation]:
    for field in model.fields:
        holder: Any = body if field.parent is None else body.get(field.parent)
        value = holder.get(field.name) if isinstance(holder, dict) else None
        if value is None:
            if field.required:
                yield Violation(field.path, "missing")
            continue
        if (rule := _broken_rule(field, value)) is not None:
            yield Violation(field.path, rule)


def _broken_rule(field: Field, value: object) -> Rule | None:
    if not isinstance(value, _TYPES[field.kind]) or (isinstance(value, bool) and field.kind != "boolean"):
        return "type"
    return _LIMITS[field.kind](field, value)


def _check_text(field: Field, text: Any) -> Rule | None:
    if field.choices:
        return None if text in field.choices else "choice"
    return "length" if field.max_length is not None and len(text) > field.max_length else None


def _check_number(field: Field, number: Any) -> Rule | None:
    return None if (field.minimum or 0) <= number <= (field.maximum or number) else "range"


def _check_list(field: Field, urls: Any) -> Rule | None:
    if not all(isinstance(url, str) for url in urls):
        return "type"
    if not all(map(_is_http, urls)):
        return "url"
    return None if len(urls) == field.max_items else "count"


def _check_url(field: Field, url: Any) -> Rule | None:
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
    "string": _check_text,
    "integer": _check_number,
    "boolean": _free,
    "object": _free,
    "urls": _check_list,
    "url": _check_url,
}


def _is_http(url: str) -> bool:
    return re.match(r"https?://[^/?#]", url, re.IGNORECASE) is not None and re.search(r"[\s\\]", url) is None


def cost_of(body: Mapping[str, Any], model: Model, length: Seconds | None = None) -> Credits:
    """The price of a valid request; `length` is the real length of its video, if that is known."""
    quality, silent = body.get("quality") or "720p", body.get("generate_audio") is False
    seconds = body.get("duration") or 5 if length is None else length
    return price_of(model.price.per_second(quality, silent=silent), seconds, model)


def price_of(rate: Fraction, seconds: Seconds, model: Model) -> Credits:
    """The price of a video at `rate` credits per second: four decimals, half up, and at least the model's minimum."""
    units = floor(rate * Fraction(str(seconds)) * _UNITS + Fraction(1, 2))
    # By way of a decimal, since a figure from outside can be too long for a float, which then is infinite.
    return max(float(Decimal(units) / _UNITS), model.price.minimum)


STATUS_RANK: Mapping[str, int] = {"pending": 0, "processing": 1, "completed": 2, "failed": 2, "cancelled": 2}
"""Progress of a task by its status. A status of rank 2 is final."""
