"""Request validation: the rows of a model compiled to checks, which run in document order."""

import json
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from evolink_contracts.spec.fields import Field, Media
from evolink_contracts.spec.models import Model
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS, CallbackPolicy
from evolink_mock.core.choices import Choices
from evolink_mock.core.task import UNITS_PER_CREDIT, Failure, Units, to_units
from evolink_mock.core.url_policy import UrlCheck, check_callback_url


class Refusal(NamedTuple):
    """A refused create: an error condition of the operation, and a message more precise than the documented one."""

    condition: str
    message: str | None = None


class CreateRequest(NamedTuple):
    """An accepted create request. `values` are the known fields that were sent, without nulls.

    `deferred_failure` is the failure that the task ends with; `rate` is the price of a second of video, in units, and
    `minimum` the least that a video costs.
    """

    model: Model
    values: Mapping[str, object]
    duration: int
    rate: Fraction
    minimum: Units
    deferred_failure: Failure | None


CheckResult: TypeAlias = str | Failure | None
"""Result of a check: the rest of a message that begins with the field's path, a later failure, or nothing."""
FieldCheck: TypeAlias = Callable[[object], CheckResult]
Matcher: TypeAlias = Callable[[str], re.Match[str] | None]

_PATH = re.compile(r"[^:]+://[^/?#]*([^?#]*)")
_CHECKED_ITEMS = 10
"""Items of a list that are checked, however long it is."""
MAX_MEDIA_URL = 8192
"""Characters of the URL of an input file. No source names a limit; signed URLs have up to some 2,000."""
_SHOWN = 60
"""Characters of a wrong value that a message repeats."""


class Validator:
    """Validates decoded JSON bodies against the rows of the models under the user's choices."""

    def __init__(
        self,
        models: Mapping[str, Model],
        choices: Choices,
        policy: CallbackPolicy = EVOLINK_CALLBACKS,
        check: UrlCheck = check_callback_url,
    ) -> None:
        self._models = models
        self._choices = choices
        self._checks = {
            name: _compile(model, choices, partial(_check_callback, choices, policy, check))
            for name, model in models.items()
        }
        self._rates = {name: _rates(model) for name, model in models.items()}

    def validate(self, body: object) -> CreateRequest | Refusal:
        """The request, or the first error: of the shape, the model, then the fields in document order."""
        if type(body) is not dict:
            return Refusal("invalid_request", f"the body must be a JSON object; got {_shown(body)}")
        name = body.get("model")
        if type(name) is not str:
            return Refusal("invalid_request", self._about_model(name))
        model = self._models.get(name)
        if model is None:
            return Refusal(self._choices.unknown_model)
        values: dict[str, Any] = {"model": name}
        deferred: Failure | None = None
        for field, required, check in self._checks[name]:
            value = body.get(field)
            if value is None:
                if required:
                    return Refusal("invalid_request", _missing(field, name))
                continue
            finding = check(value)
            if finding is not None:
                if isinstance(finding, str):
                    return Refusal("invalid_request", f"{field}{finding}")
                deferred = deferred or finding
            values[field] = value
        if self._choices.extra_fields == "refuse" and (extra := _first_extra(body, model)):
            return Refusal("invalid_request", f"{extra[:_SHOWN]} is not a field of {name}")
        return self._accepted(model, values, deferred)

    def _accepted(self, model: Model, values: dict[str, Any], deferred: Failure | None) -> CreateRequest:
        quality, silent = values.get("quality", "720p"), not values.get("generate_audio", True)
        rates = self._rates[model.name]
        rate = rates.get((quality, silent)) or rates[quality.lower(), silent]
        duration = values.get("duration", self._choices.default_duration)
        return CreateRequest(model, values, duration, rate, to_units(model.price.minimum), deferred)

    def _about_model(self, name: object) -> str:
        known = ", ".join(self._models)
        if name is None:
            return f"model is required; this service has {known}"
        return f"model must be a string, one of {known}; got {_shown(name)}"


def _rates(model: Model) -> dict[tuple[str, bool], Fraction]:
    """The price of a second, in units, by quality and silence."""
    return {
        (row.quality, silent): model.price.per_second(row.quality, silent=silent) * UNITS_PER_CREDIT
        for row in model.price.quality_factors
        for silent in (False, True)
    }


def _compile(model: Model, choices: Choices, callback: FieldCheck) -> tuple[tuple[str, bool, FieldCheck], ...]:
    return tuple(
        (field.name, field.required, _check(field, model, choices, callback))
        for field in model.fields
        if field.parent is None
    )


def _check(field: Field, model: Model, choices: Choices, callback: FieldCheck) -> FieldCheck:
    match field.kind:
        case "string" if field.choices:
            return partial(_check_choice, field, field.name == "quality" and choices.quality_case == "ignore")
        case "string":
            return partial(_check_text, field, choices.long_prompt == "fail_later")
        case "integer":
            return partial(_check_integer, field)
        case "boolean":
            return _check_boolean
        case "object":
            inner = {
                inner.name: _check(inner, model, choices, callback)
                for inner in model.fields
                if inner.parent == field.name
            }
            return partial(_check_object, inner, choices.extra_fields == "refuse")
        case "urls":
            return partial(_check_urls, field, _media_check(field, choices), choices.image_count == "fail_later")
        case "url" if field.media is None:
            return callback
        case "url":
            return _media_check(field, choices)


def _check_choice(field: Field, any_case: bool, value: object) -> CheckResult:
    if value in field.choices or (any_case and type(value) is str and value.lower() in field.choices):
        return None
    return f" must be one of {', '.join(field.choices)}; got {_shown(value)}"


def _check_text(field: Field, later: bool, value: object) -> CheckResult:
    if type(value) is not str:
        return f" must be a string; got {_shown(value)}"
    if field.max_length is not None and len(value) > field.max_length:
        if later:
            return Failure("invalid_parameters", "Prompt is too long")
        return f" must have at most {field.max_length} characters; it has {len(value)}"
    return None


def _check_integer(field: Field, value: object) -> CheckResult:
    # bool is a subclass of int, and true is no number of seconds.
    if type(value) is int and (field.minimum or 0) <= value <= (field.maximum or value):
        return None
    return f" must be an integer from {field.minimum} to {field.maximum}; got {_shown(value)}"


def _check_boolean(value: object) -> CheckResult:
    return None if type(value) is bool else f" must be true or false; got {_shown(value)}"


def _check_object(inner: Mapping[str, FieldCheck], closed: bool, value: object) -> CheckResult:
    if type(value) is not dict:
        return f" must be an object; got {_shown(value)}"
    for name, check in inner.items():
        if (held := value.get(name)) is not None and (finding := check(held)) is not None:
            return f".{name}{finding}"
    if closed and (extra := next((name for name in value if name not in inner), None)) is not None:
        return f".{extra[:_SHOWN]} is not a known setting; known: {', '.join(inner)}"
    return None


def _media_check(field: Field, choices: Choices) -> FieldCheck:
    assert field.pattern is not None
    assert field.media is not None
    strict = (choices.bad_image if field.kind == "urls" else choices.bad_audio) == "refuse"
    return partial(_check_media_url, re.compile(field.pattern).fullmatch, field.media, strict)


def _check_urls(field: Field, check: FieldCheck, later: bool, value: object) -> CheckResult:
    if type(value) is not list:
        return f" must be a list of {field.max_items} URL; got {_shown(value)}"
    finding: CheckResult = None
    for place, item in enumerate(value[:_CHECKED_ITEMS]):
        finding = check(item)
        if isinstance(finding, str):
            return f"[{place}]{finding}"
    if len(value) == field.max_items:
        return finding
    if later:
        return Failure("invalid_parameters", f"{field.name} must contain {field.max_items} image")
    if not value:
        return " must not be empty: give one image URL"
    return f" must contain exactly {field.max_items} URL; it has {len(value)}"


def _check_media_url(match: Matcher, media: Media, strict: bool, value: object) -> CheckResult:
    if type(value) is not str:
        return f" must be a URL; got {_shown(value)}"
    if len(value) > MAX_MEDIA_URL:
        return f" must have at most {MAX_MEDIA_URL} characters; it has {len(value)}"
    if not match(value):
        return f" must be an http or https URL; got {_shown(value)}"
    # The end of most URLs shows at once that nothing is wrong.
    if value.endswith(media.suffixes) and "?" not in value and "#" not in value:
        return None
    ending = path[1].lower() if (path := _PATH.match(value)) else ""
    if not ending.endswith(media.foreign_suffixes):
        return None
    formats = ", ".join(suffix.removeprefix(".") for suffix in media.suffixes)
    wrong = ending[ending.rindex(".") :]
    if strict:
        return f" must be a {formats} {media.noun}; it ends in {wrong}"
    return Failure(media.failure, f"The {media.noun} has the format {wrong}; supported: {formats}")


def _check_callback(choices: Choices, policy: CallbackPolicy, check: UrlCheck, value: object) -> CheckResult:
    if type(value) is not str:
        return f" must be a URL; got {_shown(value)}"
    if choices.bad_callback == "skip":
        return None
    violation = check(value, scope=choices.internal_addresses, max_length=policy.max_url_length)
    return f" {violation.message}" if violation else None


def _missing(field: str, model: str) -> str:
    # Worded after a documented sibling's refusal of a missing list (S1).
    empty = " and must not be empty" if field.endswith("_urls") else ""
    return f"{field} is required{empty} for {model}"


def _first_extra(body: Mapping[str, object], model: Model) -> str | None:
    known = {"model", *(field.name for field in model.fields if field.parent is None)}
    return next((name for name in body if name not in known), None)


def _shown(value: object) -> str:
    """A wrong value as JSON, cut short, so that a message never grows with its cause."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
