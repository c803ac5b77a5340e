"""The `evolink-mock` command."""

import gc
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import TextIOWrapper
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

if TYPE_CHECKING:
    from evolink_mock.settings import Settings

_CALLBACK_SETTINGS = ("callback_route", "forward_to", "deliver_public", "callback_ca")
SERVE_SETTINGS = (
    *("host", "port", "public_url", "ready_file", "clock", "speed", "clock_start", "scenarios", "state", "seed"),
    *("generation_time", "keys", "only_keys", "tls", *_CALLBACK_SETTINGS, "media_route", "fetch_public"),
    *("log_format", "log_level", "access_log"),
)
EXIT_CODES = {
    0: "success, or `serve` was interrupted by Ctrl+C",
    1: "an error; `check`, `doctor`: something is wrong",
    2: "wrong usage, or a setting with a wrong value",
    143: "`serve` was ended by SIGTERM, after it had answered open requests and removed its ready file",
}
_CONFIG = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="EVOLINK_MOCK_CONFIG",
    show_envvar=True,
    metavar="FILE.toml",
    help="Read settings from a TOML file; flags and environment variables take precedence.",
)


class SettingsCommand(click.Command):
    """A command with an option for each of some settings, whose help texts are those of the settings."""

    def __init__(self, *args: Any, settings: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.settings = settings
        self._options: list[click.Parameter] = []

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        if not self._options:
            # The settings are imported late, for the commands that have none of them; and without looking for garbage,
            # which takes a tenth of the time to the first answer of a server.
            gc.disable()
            from evolink_mock.settings.options import option

            gc.enable()
            self._options = [option(name) for name in self.settings]
        return [*self._options, *super().get_params(ctx)]


def _provided(flags: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in flags.items() if value not in (None, ())}


def _assigned(assignments: Sequence[str]) -> dict[str, list[str]]:
    """The values of `--set`, by name as written. Raises `ValueError`."""
    given: dict[str, list[str]] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise ValueError(f"--set takes NAME=VALUE, such as cancelled_as=cancelled; got {assignment[:60]!r}")
        given.setdefault(name.strip(), []).append(value)
    return given


def _load(
    config: Path | None, flags: Mapping[str, Any] = MappingProxyType({}), assignments: Sequence[str] = ()
) -> "Settings":
    """The settings of a command; variables that are no setting are reported on stderr. Raises `UsageError`."""
    from evolink_mock.settings import load_settings, unknown_variables

    try:
        loaded = load_settings(_provided(flags), os.environ, config, _assigned(assignments))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    for message in unknown_variables(os.environ):
        warning = {"level": "warning", "logger": "evolink_mock", "message": message}
        click.echo(json.dumps(warning) if loaded.log_format == "json" else f"WARNING {message}", err=True)
    return loaded


class _Commands(click.Group):
    """The group of the commands. What the code page of the output lacks is escaped."""

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> click.Context:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
                stream.reconfigure(errors="backslashreplace")
        return super().make_context(info_name, args, *more, **extra)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"Exit codes: {'; '.join(f'{code} {meaning}' for code, meaning in EXIT_CODES.items())}. "
    'Shell completion: eval "$(_EVOLINK_MOCK_COMPLETE=bash_source evolink-mock)", with zsh_source or fish_source for '
    "other shells.",
)
@click.version_option(package_name="evolink-devkit", prog_name="evolink-mock")
def main() -> None:
    """A local emulator of EvoLink's asynchronous video API."""


@main.command(
    cls=SettingsCommand,
    settings=SERVE_SETTINGS,
    epilog="Every setting is also an environment variable: --clock-start is EVOLINK_MOCK_CLOCK_START, and "
    "--set balance=20 is EVOLINK_MOCK_BALANCE.",
)
@_CONFIG
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set any other setting; `evolink-mock settings` lists them. Repeatable.",
)
@click.option(
    "--exit-with-stdin",
    is_flag=True,
    help="Stop when the standard input ends, as a pipe does with the process that holds its other end.",
)
def serve(config: Path | None, assignments: tuple[str, ...], exit_with_stdin: bool, **flags: Any) -> None:
    """Start the emulator."""
    # Start-up makes what stays for good; to look for garbage in it takes a tenth of the time to the first answer.
    gc.disable()
    # Serving needs uvicorn and more; --help does not.
    from evolink_mock.server.run import CannotServe, serve

    settings = _load(config, flags, assignments)
    try:
        serve(settings, exit_with_stdin=exit_with_stdin)
    except CannotServe as error:
        raise click.ClickException(str(error)) from None


@main.command(
    cls=SettingsCommand,
    settings=_CALLBACK_SETTINGS,
    short_help="Check a callback URL, and try to call it.",
    epilog="Every setting is also an environment variable: --forward-to is EVOLINK_MOCK_FORWARD_TO.",
)
@click.argument("url")
@click.option("--dry-run", is_flag=True, help="Report what would happen, without sending anything.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_CONFIG
def doctor(url: str, config: Path | None, dry_run: bool, as_json: bool, **flags: Any) -> None:
    """Check a callback URL: whether production would call it, where it is routed here, and the receiver's response."""
    from evolink_mock.delivery.doctor import diagnose

    found = diagnose(url, _load(config, flags), dry=dry_run)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        click.echo(f"production  {found['production']['says']}")
        for title, part in (("here", "here"), ("tried", "attempt")):
            if part in found:
                click.echo(f"{title:<12}{found[part]['says']}")
    sys.exit(0 if found["ok"] else 1)


@main.command(short_help="Create a certificate for an HTTPS receiver.")
@click.argument("host")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Directory to write to.  [default: the current one]",
)
@_CONFIG
def cert(host: str, out: Path, config: Path | None) -> None:
    """Create a certificate for a receiver, signed by the emulator's authority, which its callbacks trust.

    HOST is the host of the callback URL, such as app.example.com: the emulator verifies that name, wherever the route
    leads.
    """
    from evolink_mock.tls import CERTIFICATE, authority_directory, issue

    directory = authority_directory(_load(config))
    try:
        certificate, key = issue(directory, host, out)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot write {error.filename}: {error.strerror}") from None
    click.echo(f"certificate  {certificate}\nkey          {key}\nauthority    {directory / CERTIFICATE}")


@main.command(short_help="Check a scenario file, and list its errors.")
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check a scenario file: list its errors by line, and warn of rules that can never apply.

    Exit code 1 if there is an error; warnings alone leave it 0. `evolink-mock settings --config FILE` checks a settings
    file.
    """
    from evolink_mock.scenarios.file import check_file
    from evolink_mock.settings import FILE_NAMES

    try:
        rules, errors, warnings = check_file(file.read_bytes(), FILE_NAMES)
    except OSError as failure:
        raise click.UsageError(f"cannot read {file}: {failure.strerror}") from None
    found = [*(("", each) for each in errors), *(("warning: ", each) for each in warnings)]
    for kind, each in sorted(found, key=lambda found: found[1].line or 0):
        place = f"{file}:{each.line}" if each.line else str(file)
        click.echo(f"{place}: {kind}{each.message}", err=True)
    if errors:
        sys.exit(1)
    count = f"{len(warnings)} warning{'' if len(warnings) == 1 else 's'}" if warnings else "nothing wrong"
    click.echo(f"{file}: {len(rules)} rule{'' if len(rules) == 1 else 's'}, {count}")


def _http_url(context: click.Context, parameter: click.Parameter, url: str) -> str:
    from evolink_mock.control_client import is_base_url, without_secrets

    plain = without_secrets(url)
    shown = f"such as http://127.0.0.1:8080; got {plain[:80]!r}"
    if not plain.lower().startswith(("http://", "https://")):
        raise click.BadParameter(f"must begin with http:// or https://, {shown}")
    if not is_base_url(plain):
        raise click.BadParameter(f"must be a URL, {shown}")
    if plain != url.rstrip("/"):
        click.echo("Warning: --url: credentials, a query and a fragment in the URL are not sent", err=True)
    return plain


def _secret(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    from evolink_mock.control_client import is_sendable

    if value is not None and not is_sendable(value):
        raise click.BadParameter("has a character that no header can carry, such as a line break or a space at its end")
    return value


def _positive(context: click.Context, parameter: click.Parameter, value: float) -> float:
    if not (isfinite(value) and value > 0):
        raise click.BadParameter(f"must be a finite number above 0; got {value}")
    return value


@main.command(
    short_help="Explain a task: its scenario, plan and callbacks.",
    epilog="SSL_CERT_FILE names certificate authorities to trust.",
)
@click.argument("task_id")
@click.option(
    "--url",
    envvar="EVOLINK_BASE_URL",
    default="http://127.0.0.1:8080",
    show_default=True,
    show_envvar=True,
    metavar="URL",
    callback=_http_url,
    help="URL of the emulator.",
)
@click.option("--key", metavar="KEY", callback=_secret, help="API key that created the task.  [default: any]")
@click.option(
    "--token",
    envvar="EVOLINK_MOCK_CONTROL_TOKEN",
    show_envvar=True,
    metavar="TOKEN",
    callback=_secret,
    help="Control token, required when the emulator is bound to a non-loopback address.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(task_id: str, url: str, key: str | None, token: str | None, as_json: bool) -> None:
    """Explain a task: the scenario that applied, its plan, queries, charges and callback attempts."""
    from evolink_mock.control.explain import explanation_lines, is_explanation
    from evolink_mock.control_client import ControlClient, Unreachable, inert, inert_json

    base = url.removesuffix("/v1").removesuffix("/__mock")
    path = f"/__mock/tasks/{quote(os.fsencode(task_id), safe='')}/explain{'' if key else '?all=true'}"
    client = ControlClient(base, key, token)
    try:
        status, found = client.get(path)
        if status == 200 and not is_explanation(found):
            raise client.foreign("its response explains no task")
        text = inert_json(found) if as_json else ""
    except Unreachable as error:
        raise click.ClickException(inert(str(error))) from None
    except RecursionError:
        raise click.ClickException(f"{base}: its response is nested too deeply to be shown") from None
    if status == 404 and found["error"]["code"] == "task_not_found":
        whose = "the world of that key has no such task; without --key, all are searched" if key else "no key has it"
        raise click.ClickException(f"no task {task_id} at {base}: {whose}")
    if status != 200:
        hint = "; give it with --token" if found["error"]["code"] == "token_required" else ""
        raise click.ClickException(f"{base}: {inert(found['error']['message'])}{hint}")
    click.echo(text if as_json else inert("\n".join(explanation_lines(found["story"]))))


@main.command(
    short_help="Check that the emulator is ready.",
    epilog="For the health check of a container. Exit code 1 if it is not ready.",
)
@click.option(
    "--url",
    metavar="URL",
    callback=lambda context, parameter, url: url and _http_url(context, parameter, url),
    help="URL of the emulator.  [default: this machine, with the port of the settings]",
)
@click.option(
    "--timeout",
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    callback=_positive,
    help="The longest time to wait.",
)
@_CONFIG
def health(url: str | None, timeout: float, config: Path | None) -> None:
    """Check that the emulator accepts requests. No proxy is used for this machine, and no certificate is verified."""
    from evolink_mock.control_client import ControlClient, Unreachable, inert

    base = (url or _own_url(_load(config))).rstrip("/")
    try:
        status, found = ControlClient(base, verify=False, timeout=timeout).get("/__mock/ready")
    except Unreachable as error:
        raise click.ClickException(inert(str(error))) from None
    if status != 200:
        raise click.ClickException(f"{base}: {inert(found['error']['message'])}")
    click.echo(f"{base} is ready")


def _own_url(settings: "Settings") -> str:
    """The URL at which this machine reaches an emulator with these settings, without the name of a host to look up."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104  # Not to listen on.
    return replace(settings, host=host).address


@main.command(short_help="List every setting; check a settings file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_CONFIG
def settings(as_json: bool, config: Path | None) -> None:
    """List every setting with its value in this environment, its meaning, type and default.

    With --config the file is checked: each of its mistakes is listed by line, with what would be right. Exit code 2 if
    there is one.
    """
    from evolink_mock.settings.listing import list_settings

    listed = list_settings(_load(config))
    if as_json:
        click.echo(json.dumps([row.as_json() for row in listed], indent=2, default=dict))
        return
    for row in listed:
        click.echo(f"{row.name} = {row.shown}\n    {row.meaning}\n    {row.takes}")
