"""Every setting of the emulator, and how flags, environment, file and defaults become one value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from evolink_contracts.spec.models import MODELS
from evolink_mock.clock import MAX_SPEED, Mode
from evolink_mock.core.billing import MAX_BALANCE
from evolink_mock.core.callback_routes import parse_destination, parse_origin
from evolink_mock.core.choices import Choices
from evolink_mock.core.distribution import parse_generation_time
from evolink_mock.core.grant import Grant
from evolink_mock.core.media_routes import parse_media_destination, parse_media_origin
from evolink_mock.core.redaction import REDACTED, masked_key
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.core.task import to_units
from evolink_mock.scenarios.language import parse_scenario

ENV_PREFIX = "EVOLINK_MOCK_"
MEDIA = all(find_spec(name) is not None for name in ("av", "PIL"))
"""Whether the extra `media` is installed."""


class KeyRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one listed key may do, and what goes wrong for it. `balance` in credits; no `models` means every model.

    A limit is of each model family.
    """

    balance: float | None = None
    models: list[str] | None = None
    scenario: str | None = None
    requests_per_minute: int | None = None
    concurrent_tasks: int | None = None

    def grant(self) -> Grant:
        models = None if self.models is None else frozenset(self.models)
        balance = None if self.balance is None else to_units(self.balance)
        return Grant(balance, models, self.scenario, self.requests_per_minute, self.concurrent_tasks)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One emulator's settings. `choices` holds the open questions of the API."""

    host: str = "127.0.0.1"
    port: int = 8080
    """0 lets the system choose."""
    public_url: str = ""
    """What result links begin with; by default the address that is listened on."""
    ready_file: str = ""
    """Where to write {"url", "port", "pid"} as JSON once requests are accepted."""
    clock: Mode = "real"
    speed: float = 1.0
    """How many times faster than real time a scaled clock runs."""
    clock_start: int | None = None
    """Unix seconds at which clocks start."""
    seed: int = 0
    """Ids and luck grow from it and from the API key."""
    generation_time: str = "quick"
    keys: Mapping[str, KeyRule] = field(default_factory=dict)
    """Accepted API keys; none listed means any."""
    balance: float | None = None
    """Credits of each key that sets none itself; unset means unlimited."""
    requests_per_minute: int | None = None
    """Creates of one model family in any minute, for each key that sets none itself; unset means unlimited."""
    concurrent_tasks: int | None = None
    """Unfinished tasks of one model family, for each key that sets none itself; unset means unlimited."""
    scenarios: str = ""
    """A file of scenarios, read anew whenever it changes."""
    tls: bool = False
    authority: str = ""
    """Directory of the certificate authority behind `tls`; by default below the user's state directory."""
    state: str = ""
    """Directory in which worlds outlive the process; by default they do not."""
    callback_route: Mapping[str, str] = field(default_factory=dict)
    """Where the callbacks of an origin go: {"https://app.example.com": "http://127.0.0.1:3000"}."""
    forward_to: str = ""
    """Where callbacks go that no route names."""
    deliver_public: bool = False
    """Whether callbacks without a route are sent to the public address that they name."""
    media_route: Mapping[str, str] = field(default_factory=dict)
    """Where the files of an origin are fetched: {"https://cdn.example.com": "./pictures"}, or from http://HOST:PORT."""
    fetch_public: bool = False
    """Whether files without a route are fetched from the public address that they name."""
    result_video: Literal["best", "plain"] = "best"
    """`plain` is of one colour and silent, even where the extra `media` is installed."""
    media_limit: int = 512 * 1024 * 1024
    """Bytes of pictures, sounds and videos that are kept."""
    callback_ca: str = ""
    """A file of certificates that receivers over HTTPS may be signed by, beside the emulator's own authority."""
    callback_concurrency: int = 256
    """Attempts under way at one receiver at a time."""
    delivery_limit: int = 10_000
    """Callbacks that are done and kept for the record, for each key."""
    log_format: Literal["text", "json"] = "text"
    access_log: bool = False
    control_token: str = ""
    """Required as X-Mock-Token by /__mock when not bound to loopback; generated where empty."""
    max_body: int = 1024 * 1024
    """Bytes of a request body."""
    journal_limit: int = 2000
    """Requests, and events, remembered for each key."""
    world_limit: int = 1000
    """Keys that have a world at one time."""
    task_limit: int = 2_000_000
    """Tasks of one key."""
    choices: Choices = field(default_factory=Choices)

    def __post_init__(self) -> None:
        if self.speed != 1 and self.clock == "real":
            object.__setattr__(self, "clock", "scaled")
        if self.speed != 1 and self.clock != "scaled":
            raise ValueError(f"speed goes with a scaled clock, and clock is {self.clock}")
        for name, accepts, rule in _BOUNDS:
            value = getattr(self.choices if name in _CHOICES else self, name)
            if value is not None and not accepts(value):
                raise ValueError(f"{name} must be {rule}; got {value!r}")
        routes = {
            _read(parse_origin, "callback_route", a): _read(parse_destination, "callback_route", b)
            for a, b in self.callback_route.items()
        }
        object.__setattr__(self, "callback_route", routes)
        media = {
            _read(parse_media_origin, "media_route", a): _read(parse_media_destination, "media_route", b)
            for a, b in self.media_route.items()
        }
        object.__setattr__(self, "media_route", media)
        if (media or self.fetch_public) and not MEDIA:
            name = "media_route" if media else "fetch_public"
            raise ValueError(f"{name} needs Pillow and PyAV: pip install 'evolink-devkit[media]'")
        if self.forward_to:
            object.__setattr__(self, "forward_to", _read(parse_destination, "forward_to", self.forward_to))
        if self.callback_ca:
            _check_certificates(self.callback_ca)
        for key, rule_of_key in self.keys.items():
            _check_key(key, rule_of_key)
        try:
            parse_generation_time(self.generation_time)
        except ValueError as error:
            raise ValueError(f"generation_time: {error}") from None

    def grants(self) -> dict[str, Grant]:
        """What each listed key may do, where it says nothing itself as all others."""
        default = self.default_grant()._asdict()
        own = {key: rule.grant()._asdict() for key, rule in self.keys.items()}
        return {
            key: Grant(**(default | {name: value for name, value in grant.items() if value is not None}))
            for key, grant in own.items()
        }

    def default_grant(self) -> Grant:
        balance = None if self.balance is None else to_units(self.balance)
        return Grant(balance, None, None, self.requests_per_minute, self.concurrent_tasks)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


_CHOICES = {choice.name for choice in fields(Choices)}
_TYPES: dict[str, Any] = {**get_type_hints(Choices), **get_type_hints(Settings)}
NAMES: tuple[str, ...] = tuple(name for name in _TYPES if name != "choices")
"""Every setting's name, as files and `--set` spell it; in the environment it is in capitals behind EVOLINK_MOCK_."""


def _within(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: bool(low <= value <= high)


_BALANCE = _within(0, MAX_BALANCE)
_LIMIT = _within(1, 1_000_000)
_BOUNDS: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("host", bool, "an address, such as 127.0.0.1"),
    ("port", _within(0, 65535), "from 0 to 65535"),
    ("speed", _within(0.001, MAX_SPEED), f"from 0.001 to {MAX_SPEED:.0f}"),
    ("clock_start", _within(0, 4_102_444_800), "Unix seconds up to the year 2100"),
    ("seed", _within(0, 2**63 - 1), "from 0 to 2^63 - 1"),
    ("balance", _BALANCE, "from 0 to 1,000,000,000"),
    ("requests_per_minute", _LIMIT, "from 1 to 1,000,000"),
    ("concurrent_tasks", _LIMIT, "from 1 to 1,000,000"),
    ("max_body", _within(1024, 64 * 1024 * 1024), "from 1 KiB to 64 MiB"),
    ("media_limit", _within(1024 * 1024, 2**40), "from 1 MiB to 1 TiB"),
    ("journal_limit", _within(1, 1_000_000), "from 1 to 1,000,000"),
    ("world_limit", _within(1, 100_000), "from 1 to 100,000"),
    ("delivery_limit", _within(1, 1_000_000), "from 1 to 1,000,000"),
    ("callback_concurrency", _within(1, 10_000), "from 1 to 10,000"),
    ("task_limit", _within(1, 100_000_000), "from 1 to 100,000,000"),
    ("default_duration", _within(2, 15), "from 2 to 15"),
    ("task_retention", _within(1, 10 * 366 * 24 * 3600), "from 1 second to 10 years"),
    ("not_found_code", lambda text: 0 < len(text) <= 100, "of 1 to 100 characters"),
    ("public_url", lambda url: not url or url.startswith(("http://", "https://")), "an http or https URL"),
)


def _check_key(key: str, rule: KeyRule) -> None:
    shown = masked_key(key)
    if not key or any(character <= " " or character == "\x7f" for character in key):
        raise ValueError(f"keys: {shown!r} cannot be sent as a bearer key: it is empty, or has a space in it")
    if rule.balance is not None and not _BALANCE(rule.balance):
        raise ValueError(f"keys: the balance of {shown} must be from 0 to 1,000,000,000; got {rule.balance!r}")
    for name, limit in (
        ("requests_per_minute", rule.requests_per_minute),
        ("concurrent_tasks", rule.concurrent_tasks),
    ):
        if limit is not None and not _LIMIT(limit):
            raise ValueError(f"keys: {name} of {shown} must be from 1 to 1,000,000; got {limit!r}")
    if rule.scenario is not None:
        try:
            parse_scenario(rule.scenario)
        except ValueError as error:
            raise ValueError(f"keys: the scenario of {shown}: {error}") from None
    for model in rule.models or ():
        if model not in MODELS:
            raise ValueError(f"keys: of {shown}: {unknown_name('model', model, tuple(MODELS))}")


def _check_certificates(file: str) -> None:
    import ssl

    if not Path(file).is_file():
        raise ValueError(f"callback_ca: there is no file {file}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        # Only what TLS itself can read will do when a callback is due.
        context.load_verify_locations(file)
        usable = context.cert_store_stats()["x509"] > 0
    except ssl.SSLError:
        usable = False
    except OSError as error:
        raise ValueError(f"callback_ca: cannot read {file}: {error.strerror}") from None
    if not usable:
        whole = "-----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"
        raise ValueError(f"callback_ca: {file} must hold certificates as PEM, each whole from {whole}")


def load_settings(
    flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None, file: Path | None = None
) -> Settings:
    """Settings from flags, else environment, else file, else defaults.

    Raises `ValueError` that names the setting, where it stood, and what would be right.
    """
    given: dict[str, Any] = {}
    if file is not None:
        given |= {
            name: _convert(name, value, f"{file}: {name}", strict=True) for name, value in _read_file(file).items()
        }
    for variable, text in (environ or {}).items():
        if variable.startswith(ENV_PREFIX) and variable not in _OWN_VARIABLES:
            name = variable.removeprefix(ENV_PREFIX).lower()
            _known(name, variable, [f"{ENV_PREFIX}{known.upper()}" for known in NAMES])
            given[name] = _convert(name, text, variable, strict=False)
    for name, value in (flags or {}).items():
        _known(name, name, NAMES)
        given[name] = _convert(name, value, name, strict=False)
    choices = {name: given.pop(name) for name in _CHOICES & set(given)}
    settings = Settings(**given, choices=replace(Choices(), **choices))
    return replace(settings, public_url=settings.public_url.rstrip("/"))


_OWN_VARIABLES = frozenset({f"{ENV_PREFIX}CONFIG"})
"""Read by the command itself, to find the file."""


def _known(name: str, shown: str, candidates: Any) -> None:
    if name not in NAMES:
        raise ValueError(unknown_name("setting", shown, tuple(candidates)))


def _read(reader: Callable[[str], str], name: str, text: str) -> str:
    try:
        return reader(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _read_file(file: Path) -> dict[str, Any]:
    """The settings of a TOML file; a `[choices]` table may hold the open questions, `[keys]` the keys."""
    import tomllib

    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read the settings file {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not valid TOML: {error}") from None
    nested = table.pop("choices", {})
    if not isinstance(nested, dict):
        raise ValueError(f"{file}: choices must be a table")
    for name in (*table, *nested):
        _known(name, name, NAMES)
    return {**table, **nested}


def _convert(name: str, value: Any, where: str, *, strict: bool) -> Any:
    if name == "keys" and not isinstance(value, Mapping):
        listed = value.split(",") if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(key, str) for key in listed):
            raise ValueError(f"{where} must list API keys, such as sk-a,sk-b")
        return {key.strip(): KeyRule() for key in listed if key.strip()}
    if name in _ROUTE_EXAMPLES and not isinstance(value, Mapping):
        return _routes(value.split(",") if isinstance(value, str) else value, where, _ROUTE_EXAMPLES[name])
    wanted = dict[str, KeyRule] if name == "keys" else _TYPES[name]
    if name == "keys":
        for setting in (setting for rule in value.values() if isinstance(rule, Mapping) for setting in rule):
            if setting not in KeyRule.__struct_fields__:
                raise ValueError(
                    f"{where}: {unknown_name('setting of a key', str(setting), KeyRule.__struct_fields__)}"
                )
    accepted = get_args(wanted) if get_origin(wanted) is Literal else ()
    try:
        return msgspec.convert(value, wanted, strict=strict)
    except msgspec.ValidationError as error:
        shown = REDACTED if name in ("keys", "control_token") else repr(str(value)[:60])
        if accepted:
            raise ValueError(f"{where} must be one of {', '.join(map(str, accepted))}; got {shown}") from None
        raise ValueError(f"{where}: {str(error).lower()}; got {shown}") from None


_ROUTE_EXAMPLES = {
    "callback_route": "https://app.example.com=http://127.0.0.1:3000",
    "media_route": "https://cdn.example.com=./pictures",
}


def _routes(listed: Any, where: str, such_as: str) -> dict[str, str]:
    """`ORIGIN=PLACE`, one or more."""
    routes: dict[str, str] = {}
    for text in listed if isinstance(listed, list | tuple) else [listed]:
        origin, equals, place = str(text).strip().partition("=")
        if not equals:
            raise ValueError(f"{where} takes ORIGIN=PLACE, such as {such_as}; got {str(text)[:80]!r}")
        routes[origin.strip()] = place.strip()
    return routes
