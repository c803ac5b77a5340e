"""Create request: its JSON body, and checks of the documented limits (the model page)."""

import json
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, TypedDict
from urllib.parse import urlsplit

from evolink_client._errors import InvalidRequest

MODEL = "wan2.6-image-to-video-flash"
TEXT_MODEL = "wan2.6-text-to-video"
"""The model of the command for a prompt without an image."""
MAX_PROMPT = 1500
MAX_CALLBACK = 2048
DURATIONS = range(2, 16)
QUALITIES = ("720p", "1080p")
SHOT_TYPES = ("single", "multi")
SENDABLE = re.compile(r"[\x21-\x7e]+")
"""The characters that a header value may have."""
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9._-]{16,96}")


class CreateOptions(TypedDict, total=False):
    """Options of a create besides prompt and image; the service has defaults for them (the model page)."""

    model: str
    """`wan2.6-image-to-video-flash` unless given."""
    duration: int
    """Seconds, from 2 to 15. The actual length is billed."""
    quality: str
    """`720p` or `1080p`."""
    prompt_extend: bool
    """Whether the service may reword the prompt."""
    shot_type: str
    """`single` or `multi`; only used if the service may reword the prompt."""
    audio_url: str
    """URL of an MP3 of 3 to 30 s; trimmed to the length of the video."""
    generate_audio: bool
    """Whether the video has audio, which costs twice as much as a silent one."""
    callback_url: str
    """An HTTPS URL with at most 2,048 characters; no internal address."""
    extra: Mapping[str, Any]
    """Fields not listed here, sent unchanged."""


def create_body(prompt: str, image_url: str | None, options: CreateOptions) -> dict[str, Any]:
    """The JSON body of a create, without fields that are `None`. Raises `TypeError` for an unknown option."""
    given: dict[str, Any] = dict(options)
    for name in given:
        if name not in CreateOptions.__annotations__:
            known = ", ".join(CreateOptions.__annotations__)
            raise TypeError(f"create() has no option {name!r}; it has {known}, and extra takes any other field")
    extra, shot_type = given.pop("extra", None), given.pop("shot_type", None)
    body: dict[str, Any] = {
        "model": given.pop("model", MODEL),
        "prompt": prompt,
        "image_urls": None if image_url is None else [image_url],
        "model_params": None if shot_type is None else {"shot_type": shot_type},
        **given,
    }
    return {name: value for name, value in body.items() if value is not None} | dict(extra or {})


def encode(body: Mapping[str, Any]) -> bytes:
    """The body as bytes, encoded once so that a retry sends the same ones. Raises `InvalidRequest`."""
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest("the request", f"cannot be written as JSON: {error}") from None


def check_key(key: str, *, form: bool) -> None:
    """Raises `InvalidRequest` if a header cannot carry the key or, with `form`, if the service would reject it."""
    if form and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidRequest(
            "idempotency_key", f"must have 16 to 96 letters, digits, dots, dashes and underscores; got {key[:100]!r}"
        )
    if not SENDABLE.fullmatch(key):
        raise InvalidRequest("idempotency_key", f"has a character in it that no header can carry; got {key[:100]!r}")


def check(body: Mapping[str, Any]) -> None:
    """Raises `InvalidRequest` for what the service certainly rejects; it names the field and the documented limit."""
    prompt = body["prompt"]
    if not isinstance(prompt, str):
        raise InvalidRequest("prompt", f"must be a string; got {type(prompt).__name__}")
    if len(prompt) > MAX_PROMPT:
        raise InvalidRequest("prompt", f"must have at most {MAX_PROMPT} characters; it has {len(prompt)}")
    images = body.get("image_urls")
    if images is None and "image-to-video" in str(body["model"]):
        raise InvalidRequest("image_url", f"is required for {body['model']}")
    for image in images or ():
        _check_url("image_url", image, ("http", "https"))
    duration = body.get("duration")
    if duration is not None and (type(duration) is not int or duration not in DURATIONS):
        raise InvalidRequest("duration", f"must be a whole number of seconds from 2 to 15; got {duration!r}")
    _check_choice("quality", body.get("quality"), QUALITIES)
    _check_choice("shot_type", (body.get("model_params") or {}).get("shot_type"), SHOT_TYPES)
    if body.get("audio_url") is not None:
        _check_url("audio_url", body["audio_url"], ("http", "https"))
    if body.get("callback_url") is not None:
        _check_callback(body["callback_url"])


def _check_choice(field: str, value: object, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        raise InvalidRequest(field, f"must be one of {', '.join(choices)}; got {value!r}")


def _check_url(field: str, url: object, schemes: tuple[str, ...]) -> str:
    """The host of the URL. Raises `InvalidRequest` if its scheme is none of `schemes`."""
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        host = None if parts is None else parts.hostname
    except ValueError:
        parts = host = None
    if parts is None or host is None or parts.scheme not in schemes:
        raise InvalidRequest(
            field, f"must be a URL that begins with {' or '.join(f'{s}://' for s in schemes)}; got {str(url)[:80]!r}"
        )
    return host


def _check_callback(url: object) -> None:
    """Checks literal addresses and localhost; the service also checks names and other spellings of addresses."""
    host = _check_url("callback_url", url, ("https",))
    if len(str(url)) > MAX_CALLBACK:
        raise InvalidRequest("callback_url", f"must have at most {MAX_CALLBACK} characters; it has {len(str(url))}")
    try:
        internal = not ip_address(host).is_global
    except ValueError:
        internal = host == "localhost" or host.endswith(".localhost")
    if internal:
        raise InvalidRequest("callback_url", f"must not lead to an internal address; {host} is one")
