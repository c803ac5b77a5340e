"""Options of `evolink-contracts run`, declared once, checked, and read into one frozen record."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from evolink_contracts.cli import options
from evolink_contracts.reference.extras import has_hypothesis, hypothesis_missing
from evolink_contracts.runs.probe import Profile
from evolink_contracts.target.diagnosis import NOT_SENDABLE, is_base_url, is_sendable
from evolink_contracts.trace.header import without_secrets

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options by their names; those of `DECLARATIONS` and the shared ones."""

    base_url: str
    control_url: str | None
    api_key: str
    form: str
    out: Path | None
    only: tuple[str, ...]
    skip: tuple[str, ...]
    tolerance: float
    profile: Profile
    max_credits: float | None
    rate: float | None
    image: str | None
    histories: int
    seed: int
    save: Path | None
    replay: Path | None
    webhook: str | None
    listen: str | None
    certificate: tuple[Path, Path] | None
    callbacks: str
    trace: Path | None

    def check(self) -> None:
        """Raise `click.UsageError` for options that exclude each other, or that need another one."""
        for wrong, sentence in self._mistakes():
            if wrong:
                raise click.UsageError(sentence)

    def _mistakes(self) -> Iterator[tuple[bool, str]]:
        live = self.profile == "live"
        yield live != (self.max_credits is not None), "--profile live needs --max-credits, and no other profile does"
        yield self.rate is not None and not live, "--rate is for --profile live"
        yield (
            self.control_url is not None and self.profile != "emulator",
            "--control-url is for --profile emulator, since no other profile uses a control API",
        )
        yield (
            self.profile == "live-safe" and bool(self.histories or self.replay),
            "--profile live-safe runs no histories, since their creates are accepted",
        )
        yield bool(self.histories and self.replay), "--replay runs one saved history; leave --histories out"
        yield (
            self.save is not None and not (self.histories or self.replay),
            "--save saves a history that failed: give --histories or --replay",
        )
        yield bool(self.histories) and not has_hypothesis(), hypothesis_missing("--histories")
        for option, given in (
            ("--webhook", self.webhook is not None),
            ("--certificate", self.certificate is not None),
            (f"--callbacks {self.callbacks}", self.callbacks != "auto"),
        ):
            yield given and self.listen is None, f"{option} needs --listen HOST:PORT, where the callbacks arrive"


class _BaseUrl(click.ParamType):  # type: ignore[type-arg]
    """A base URL by HTTP or HTTPS."""

    name = "url"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        shown = f"such as http://127.0.0.1:8080; got {without_secrets(value)[:80]!r}"
        if not re.match(r"https?://[^/\s]", value):
            self.fail(f"must begin with http:// or https://, {shown}", param, ctx)
        if not is_base_url(value):
            self.fail(f"must be a URL, {shown}", param, ctx)
        return value


class _ApiKey(click.ParamType):  # type: ignore[type-arg]
    """An API key that a header can carry."""

    name = "key"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not is_sendable(value):
            self.fail(NOT_SENDABLE, param, ctx)
        return value


BASE_URL = _BaseUrl()
_POSITIVE = click.FloatRange(0, min_open=True)
DECLARATIONS = (
    click.option(
        "--base-url",
        envvar="EVOLINK_BASE_URL",
        show_envvar=True,
        required=True,
        type=BASE_URL,
        help="Base URL of the service to check, without /v1.",
    ),
    click.option(
        "--control-url",
        type=BASE_URL,
        help="Base URL of the emulator itself, for its control API, if --base-url is a proxy that passes only /v1.",
    ),
    click.option(
        "--api-key",
        envvar="EVOLINK_API_KEY",
        show_envvar=True,
        required=True,
        type=_ApiKey(),
        metavar="KEY",
        help="API key of the service.",
    ),
    options.FORMAT,
    options.OUT,
    options.only_option(" The whole profile is sent all the same."),
    options.SKIP,
    options.WITHIN,
    click.option(
        "--profile",
        type=click.Choice(get_args(Profile)),
        default="emulator",
        show_default=True,
        help="emulator: every probe; needs a control API. live-safe: queries, and creates that lack a required field; "
        "stops at the first that is accepted. live: also buys a few short videos, within --max-credits.",
    ),
    click.option("--max-credits", type=click.FloatRange(0), metavar="N", help="live: limit of the credits to spend."),
    click.option(
        "--rate",
        type=_POSITIVE,
        metavar="N",
        help="live: highest price of a second of video. [default: recorded prices; more once a create costs more]",
    ),
    click.option("--image", metavar="URL", help="live: image that the service can fetch; without one, tasks may fail."),
    click.option(
        "--histories",
        type=click.IntRange(0, 100_000),
        default=0,
        metavar="N",
        help="Also run this number of random call sequences, and shrink the first that fails.",
    ),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the histories."),
    click.option("--save", type=options.FILE, metavar="FILE", help="Save the history that failed."),
    click.option("--replay", type=options.RECORDING, metavar="FILE", help="Run a saved history, and nothing else."),
    click.option("--webhook", metavar="ORIGIN", help="Origin (https) of the callback URLs in creates."),
    click.option(
        "--listen",
        metavar="HOST:PORT",
        help="Address at which callbacks to --webhook arrive, by a callback route or a tunnel.",
    ),
    click.option(
        "--certificate", type=options.RECORDING, nargs=2, metavar="CHAIN KEY", help="PEM files, to listen by HTTPS."
    ),
    click.option(
        "--callbacks",
        type=click.Choice(["auto", "yes", "no"]),
        default="auto",
        show_default=True,
        help="Whether callbacks reach --listen. auto: find out, by a task if the service is an emulator, else by "
        "a request to --webhook.",
    ),
    click.option("--trace", type=options.FILE, metavar="FILE", help="Record the trace as JSON Lines."),
)


def run_options(command: Command) -> Command:
    """Declare every option on a command."""
    for declare in reversed(DECLARATIONS):
        command = declare(command)
    return command
