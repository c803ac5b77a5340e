"""The settings record: every setting with its type, bounds, default and help text."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from importlib.util import find_spec
from ipaddress import ip_address
from typing import Annotated, Any, Literal, Self, TypeVar, get_origin, get_type_hints

from msgspec import Meta

from evolink_mock.clock import MAX_SPEED, Mode
from evolink_mock.core.callback_routes import parse_destination, parse_origin
from evolink_mock.core.choices import Choices
from evolink_mock.core.distribution import parse_generation_time
from evolink_mock.core.grant import Grant
from evolink_mock.core.media_routes import parse_media_destination, parse_media_origin
from evolink_mock.core.task import to_units
from evolink_mock.form_errors import short_repr
from evolink_mock.settings.bounds import Bounded, bounds_of, check_bounds
from evolink_mock.settings.certificates import check_certificates
from evolink_mock.settings.help import Help
from evolink_mock.settings.keys import AcceptedKeys, Balance, KeyRule, Limit, check_keys, source_of
from evolink_mock.settings.types import TypeChecks, UnknownSetting, check_names

Parsed = TypeVar("Parsed")

MEDIA = all(find_spec(name) is not None for name in ("av", "PIL"))
"""Whether the extra `media` is installed."""


_NAME = Meta(pattern=r"\A[^\x00]*\Z", description="a name without the character NUL")
"""The bounds of the name of a file or directory."""


def _limit(text: str) -> Help:
    return Help(text, default="unlimited", unset="unlimited")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of one emulator. Raises `ValueError` that names the setting, its value and what would be right.

    `resolved` gives them as an emulator uses them: create_app and load_settings do that themselves.
    """

    host: Annotated[
        str,
        Meta(pattern=r"\A[^\s\x00-\x1f\x7f]+\Z", description="an address, such as 127.0.0.1"),
        Help("Address to listen on.", "ADDRESS"),
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535), Help("Port to listen on; 0 takes any free one.")] = 8080
    public_url: Annotated[
        str,
        Meta(pattern=r"\A(https?://[^\s\x00-\x1f\x7f]+)?\Z", description="an http or https URL"),
        Help("Base URL of links.", "URL", "the Host of the request, else the address listened on"),
    ] = ""
    ready_file: Annotated[
        str,
        _NAME,
        Help(
            "Write the URL, port and process id to this file as JSON once requests are accepted. "
            "The file is removed first, and when the emulator stops.",
            "FILE",
        ),
    ] = ""
    clock: Annotated[
        Mode,
        Help(
            "real: 1:1. scaled: --speed times as fast as real time. manual: moves only through /__mock/clock. "
            "auto: jumps to the next event when an unfinished task is queried."
        ),
    ] = "real"
    speed: Annotated[
        float,
        Meta(ge=0.001, le=MAX_SPEED),
        Help("Speed of a scaled clock, relative to real time; implies --clock scaled.", "N"),
    ] = 1.0
    clock_start: Annotated[
        Annotated[int, Meta(ge=0, le=4_102_444_800, description="Unix seconds up to the year 2100")] | None,
        Help("Unix seconds at which clocks start.", "UNIX", "now; manual, auto: 1757169743"),
    ] = None
    seed: Annotated[
        int,
        Meta(ge=0, le=2**63 - 1, description="from 0 to 2^63 - 1"),
        Help("Seed for ids and random draws, combined with the API key."),
    ] = 0
    generation_time: Annotated[
        str,
        Help(
            "Time to generate a video: quick (3-8 s), documented (about 120 s), 5s, 3s-8s or lognormal:120s:0.3.",
            "DISTRIBUTION",
        ),
    ] = "quick"
    keys: Annotated[
        Mapping[str, KeyRule],
        Help(
            "Accept only these API keys. Several with commas, or by repeating the option. In a file, tables "
            "[keys.NAME] give keys settings of their own, and refuse no other key.",
            "KEY,KEY",
            "any but sk-invalid...",
        ),
    ] = field(default_factory=dict)
    only_keys: Annotated[bool, Help("Refuse every API key that has no settings of its own.")] = False
    balance: Annotated[Balance | None, _limit("Credits of each key that sets none itself.")] = None
    requests_per_minute: Annotated[
        Limit | None,
        _limit("Creates of one model family per minute, for each key that sets none itself."),
    ] = None
    concurrent_tasks: Annotated[
        Limit | None,
        _limit("Unfinished tasks of one model family, for each key that sets none itself."),
    ] = None
    scenarios: Annotated[str, _NAME, Help("Fault-injection rules (TOML), reloaded on change.", "FILE")] = ""
    tls: Annotated[bool, Help("Serve HTTPS, with a certificate from the emulator's own authority.")] = False
    authority: Annotated[
        str,
        _NAME,
        Help(
            "Directory of the emulator's certificate authority.", "DIR", "a directory of the user's application state"
        ),
    ] = ""
    state: Annotated[
        str, _NAME, Help("Directory that keeps tasks, credits and callbacks across restarts and crashes.", "DIR")
    ] = ""
    callback_route: Annotated[
        Mapping[str, str],
        Help(
            "Deliver callbacks for an origin to another address: https://app.example.com=http://127.0.0.1:3000. "
            "https+insecure:// verifies no certificate. Several with commas, or by repeating the option.",
            "ORIGIN=DESTINATION",
        ),
    ] = field(default_factory=dict)
    forward_to: Annotated[
        str,
        Help("Deliver callbacks without a route to this address: http://127.0.0.1:3000.", "DESTINATION"),
    ] = ""
    deliver_public: Annotated[bool, Help("Deliver callbacks without a route to their own public address.")] = False
    media_route: Annotated[
        Mapping[str, str],
        Help(
            "Read the input files of an origin from a directory or a server: https://cdn.example.com=./images, or "
            "=http://127.0.0.1:9000. Several with commas, or by repeating the option. Needs the extra media.",
            "ORIGIN=SOURCE",
        ),
    ] = field(default_factory=dict)
    fetch_public: Annotated[
        bool, Help("Fetch input files without a route from their own public address; needs the extra media.")
    ] = False
    result_video: Annotated[
        Literal["best", "plain"],
        Help("plain: one colour, silent. best: made from the inputs where the extra media is installed."),
    ] = "best"
    media_limit: Annotated[
        int,
        Meta(ge=1024 * 1024, le=2**40, description="from 1 MiB to 1 TiB, in bytes (1,048,576 to 1,099,511,627,776)"),
        Help("Bytes of images, audio and videos kept.", "BYTES"),
    ] = 512 * 1024 * 1024
    callback_ca: Annotated[
        str,
        _NAME,
        Help(
            "CA certificates (PEM) to trust for HTTPS receivers, in addition to the emulator's own authority.", "FILE"
        ),
    ] = ""
    callback_concurrency: Annotated[int, Meta(ge=1, le=10_000), Help("Concurrent attempts per receiver.")] = 256
    attempt_limit: Annotated[
        int,
        Meta(ge=1, le=100_000),
        Help("Concurrent attempts at all receivers, as far as the process may have descriptors."),
    ] = 4096
    delivery_limit: Annotated[
        int,
        Meta(ge=1, le=1_000_000),
        Help("Finished callbacks kept in the record of each key. The statistics count all."),
    ] = 10_000
    log_format: Annotated[Literal["text", "json"], Help("Format of the log.")] = "text"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Help(
            "info: log a line for each request and each callback attempt. "
            "debug: also control calls. warning: only callbacks that cannot be delivered, and errors."
        ),
    ] = "info"
    access_log: Annotated[bool, Help("Log requests in the common log format instead, control calls included.")] = False
    control_token: Annotated[
        str,
        Help(
            "Token that /__mock requires as X-Mock-Token; without one, only when bound to a non-loopback address.",
            "TOKEN",
            "none on loopback, else generated",
        ),
    ] = ""
    max_body: Annotated[
        int,
        Meta(ge=1024, le=64 * 1024 * 1024, description="from 1 KiB to 64 MiB, in bytes (1,024 to 67,108,864)"),
        Help("Limit of the body of a request to /v1. Uploads and control calls have limits of their own.", "BYTES"),
    ] = 1024 * 1024
    keep_alive: Annotated[
        int,
        Meta(ge=1, le=3600, description="from 1 to 3,600 seconds"),
        Help("Seconds that an idle connection stays open. Clients that poll every few seconds need more than that."),
    ] = 75
    head_timeout: Annotated[
        int,
        Meta(ge=1, le=3600, description="from 1 to 3,600 seconds"),
        Help("Seconds in which the line and the headers of a request must arrive; otherwise it is refused with 408."),
    ] = 30
    body_timeout: Annotated[
        int,
        Meta(ge=1, le=24 * 3600, description="from 1 second to 1 day, in seconds (1 to 86,400)"),
        Help("Seconds in which the body of a request must arrive; otherwise it is refused with 408."),
    ] = 300
    connection_limit: Annotated[
        int,
        Meta(ge=1, le=1_000_000),
        Help("Connections open at one time, as far as the process may have descriptors; any more get 503."),
    ] = 10_000
    journal_limit: Annotated[
        int,
        Meta(ge=1, le=1_000_000),
        Help("Requests, and as many events, kept in the journal of each key. The statistics count all."),
    ] = 2000
    world_limit: Annotated[
        int,
        Meta(ge=1, le=100_000),
        Help("Worlds (one per key). A new key is refused where each world holds something."),
    ] = 1000
    task_limit: Annotated[int, Meta(ge=1, le=100_000_000), Help("Tasks of one key.")] = 2_000_000
    choices: Choices = field(default_factory=Choices)
    """The open questions of the API."""

    def __new__(cls, **given: Any) -> Self:
        # Before `__init__`, whose own error for an unknown name suggests none.
        if question := next((name for name in given if name in _CHOICE_FIELDS), None):
            raise UnknownSetting(f"{question!r} is a field of choices; write choices=Choices({question}=…)")
        check_names(given, _FIELDS)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        if not isinstance(self.choices, Choices):
            raise ValueError(f"choices must be a Choices, such as Choices(); got {short_repr(self.choices)}")
        _TYPES.check(self)
        _CHOICE_TYPES.check(self.choices)
        check_keys(self.keys)
        check_bounds(self, _OWN_BOUNDS)
        check_bounds(self.choices, _CHOICE_BOUNDS)
        if self.speed != 1 and self.clock not in ("real", "scaled"):
            raise ValueError(f"speed needs a scaled clock, and clock is {self.clock}")
        self._routes()
        if (self.media_route or self.fetch_public) and not MEDIA:
            name = "media_route" if self.media_route else "fetch_public"
            raise ValueError(f"{name} needs Pillow and PyAV: from a checkout, pip install '.[media]'")
        if self.callback_ca:
            check_certificates(self.callback_ca)
        if self.only_keys and not self.keys:
            raise ValueError("only_keys needs the keys to accept: --keys sk-a,sk-b, or a table [keys.NAME] for each")
        _parse(parse_generation_time, "generation_time", self.generation_time)

    def resolved(self) -> "Settings":
        """The settings as an emulator uses them.

        A speed other than 1 makes a real clock a scaled one; each origin and destination of a route has its one
        spelling; `public_url` ends without a slash, and a path is text.
        """
        callback_route, media_route, forward_to = self._routes()
        return replace(
            self,
            clock="scaled" if self.speed != 1 else self.clock,
            callback_route=callback_route,
            media_route=media_route,
            forward_to=forward_to,
            public_url=self.public_url.rstrip("/"),
            **{name: os.fspath(getattr(self, name)) for name in _PATHS},
        )

    def _routes(self) -> tuple[dict[str, str], dict[str, str], str]:
        """`callback_route`, `media_route` and `forward_to`, each in its one spelling."""
        callbacks = {
            _parse(parse_origin, "callback_route", origin): _parse(parse_destination, "callback_route", destination)
            for origin, destination in self.callback_route.items()
        }
        media = {
            _parse(parse_media_origin, "media_route", origin): _parse(parse_media_destination, "media_route", source)
            for origin, source in self.media_route.items()
        }
        return callbacks, media, _parse(parse_destination, "forward_to", self.forward_to) if self.forward_to else ""

    def grants(self) -> dict[str, Grant]:
        """The grant of each listed key; what a key does not set itself is the default."""
        default = self.default_grant()._asdict()
        own = {key: rule.grant()._asdict() for key, rule in self.keys.items()}
        return {
            key: Grant(**(default | {name: value for name, value in grant.items() if value is not None}))
            for key, grant in own.items()
        }

    def accepted_keys(self) -> AcceptedKeys:
        return AcceptedKeys(self.keys, self.only_keys, source_of(self.keys))

    def default_grant(self) -> Grant:
        balance = None if self.balance is None else to_units(self.balance)
        return Grant(balance, None, None, self.requests_per_minute, self.concurrent_tasks)

    @property
    def address(self) -> str:
        """The URL at which this machine reaches the emulator."""
        host = "localhost" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104  # Not to listen on.
        return f"{'https' if self.tls else 'http'}://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def needs_token(self) -> bool:
        """Whether control calls need the token: where it is set, and where other machines can connect."""
        return bool(self.control_token) or not self.loopback


_OWN_BOUNDS = bounds_of(Settings)
# The core imports no msgspec, so the bounds of its choices stand here.
_CHOICE_BOUNDS = {
    "default_duration": Bounded(Annotated[int, Meta(ge=2, le=15)], "from 2 to 15"),
    "not_found_code": Bounded(Annotated[str, Meta(min_length=1, max_length=100)], "of 1 to 100 characters"),
    "task_retention": Bounded(
        Annotated[int, Meta(ge=1, le=10 * 366 * 24 * 3600)], "from 1 second to 10 years, in seconds (1 to 316,224,000)"
    ),
}
LISTS = tuple(name for name, kind in get_type_hints(Settings).items() if get_origin(kind) is Mapping)
"""Settings of several values: lists of texts or tables."""
_FIELDS = tuple(each.name for each in fields(Settings))
_CHOICE_FIELDS = tuple(each.name for each in fields(Choices))
_PATHS = tuple(
    name
    for name, hint in get_type_hints(Settings, include_extras=True).items()
    if any(isinstance(part, Help) and part.metavar in ("FILE", "DIR") for part in getattr(hint, "__metadata__", ()))
)
_TYPES = TypeChecks(
    {name: hint for name, hint in get_type_hints(Settings).items() if name not in ("keys", "choices")},
    _OWN_BOUNDS,
    paths=_PATHS,
    secret="control_token",  # noqa: S106  # The name of the setting.
)
_CHOICE_TYPES = TypeChecks(get_type_hints(Choices), _CHOICE_BOUNDS)
BOUNDS = {**_OWN_BOUNDS, **_CHOICE_BOUNDS}
"""The bounds of every setting that has some, by name."""


def _parse(parser: Callable[[str], Parsed], name: str, text: str) -> Parsed:
    try:
        return parser(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
