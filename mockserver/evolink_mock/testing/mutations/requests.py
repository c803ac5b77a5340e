"""Mutations of how requests are read: their form, validation and keys."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from evolink_contracts.spec.models import MODELS
from evolink_mock.core.behaviour import Behaviour
from evolink_mock.core.url_policy import PolicyViolation, Scope
from evolink_mock.core.validation import CreateRequest, Refusal, Validator
from evolink_mock.testing.mutations.base import Body, Mutation


def requests(change: Callable[[Body], Body | Refusal]) -> Mutation:
    """Changes requests before they are validated."""

    def mutation(documented: Behaviour) -> Behaviour:
        def validate(validator: Validator, body: object) -> CreateRequest | Refusal:
            if not isinstance(body, dict):
                return documented.validate(validator, body)
            changed = change(dict(body))
            return changed if isinstance(changed, Refusal) else documented.validate(validator, changed)

        return documented._replace(validate=validate)

    return mutation


def unchecked(field: str) -> Mutation:
    """Leaves a field unchecked."""
    return requests(lambda body: {**body, field: None})


def limit(name: str, **changed: Any) -> Mutation:
    """Changes the row of a field, in every model that has it."""

    def mutation(documented: Behaviour) -> Behaviour:
        models = {
            model.name: replace(
                model, fields=tuple(replace(f, **changed) if f.name == name else f for f in model.fields)
            )
            for model in documented.models.values()
        }
        return documented._replace(models=models)

    return mutation


def accepts_urls(*rules: str, only: str = "") -> Mutation:
    """Accepts callback URLs that violate one of these rules, where they contain `only`."""

    def mutation(documented: Behaviour) -> Behaviour:
        def check(url: str, *, scope: Scope, max_length: int) -> PolicyViolation | None:
            violation = documented.check_callback_url(url, scope=scope, max_length=max_length)
            return None if violation is not None and violation.rule in rules and only in url else violation

        return documented._replace(check_callback_url=check)

    return mutation


def any_caller(documented: Behaviour) -> Behaviour:
    return documented._replace(bearer_key=lambda header: documented.bearer_key(header) or "sk-anybody")


def any_key_form(documented: Behaviour) -> Behaviour:
    def parse(header: bytes) -> str | None:
        try:
            return documented.idempotency_key(header)
        except ValueError:
            return None

    return documented._replace(idempotency_key=parse)


def without_unknown(body: Body) -> Body | Refusal:
    known = {"model", "prompt", "image_urls", "duration", "quality", "prompt_extend", "model_params", "audio_url"}
    extra = body.keys() - known - {"generate_audio", "callback_url"}
    return Refusal("invalid_request", f"{min(extra)} is not known") if extra else body


def without_nulls(body: Body) -> Body | Refusal:
    wrong = [name for name, value in body.items() if value is None]
    return Refusal("invalid_request", f"{wrong[0]} must not be null") if wrong else body


def one_image(body: Body) -> Body:
    images = body.get("image_urls")
    return {**body, "image_urls": images[:1]} if isinstance(images, list) else body


def small_quality(body: Body) -> Body:
    quality = body.get("quality")
    return {**body, "quality": quality.strip().lower()} if isinstance(quality, str) and quality.strip() else body


def some_model(body: Body) -> Body:
    return body if isinstance(body.get("model"), str) else {**body, "model": "wan2.6-image-to-video-flash"}


def only_text_callbacks(body: Body) -> Body:
    return body if isinstance(body.get("callback_url"), str) else {**body, "callback_url": None}


def no_such_model(body: Body) -> Body | Refusal:
    name = body.get("model")
    return body if not isinstance(name, str) or name in MODELS else Refusal("invalid_request", "no such model")


def every_task(body: Body) -> Body:
    return {**body, "callback_url": body.get("callback_url") or "https://hook.example.com/uninvited/200"}
