"""The `evolink-mock` command."""

import gc
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

_CONFIG = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="EVOLINK_MOCK_CONFIG",
    metavar="FILE.toml",
    help="Read settings from a file; flags and environment win over it.",
)


_CALLBACK_OPTIONS = (
    click.option(
        "--callback-route",
        multiple=True,
        metavar="ORIGIN=PLACE",
        help="Where the callbacks of an origin go: https://app.example.com=http://127.0.0.1:3000. Repeatable.",
    ),
    click.option(
        "--forward-to", metavar="PLACE", help="Where callbacks go that no route names: http://127.0.0.1:3000."
    ),
    click.option(
        "--deliver-public/--no-deliver-public",
        default=None,
        help="Send callbacks without a route to the public address they name.  [default: off]",
    ),
    click.option(
        "--callback-ca",
        metavar="FILE",
        help="Certificates that HTTPS receivers may be signed by, beside the emulator's own.",
    ),
)


def _callback_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_CALLBACK_OPTIONS):
        command = option(command)
    return command


_MEDIA_OPTIONS = (
    click.option(
        "--media-route",
        multiple=True,
        metavar="ORIGIN=PLACE",
        help="Where the files of an origin are fetched and looked at: https://cdn.example.com=./pictures, or "
        "=http://127.0.0.1:9000. Repeatable; needs the extra media.",
    ),
    click.option(
        "--fetch-public/--no-fetch-public",
        default=None,
        help="Fetch files without a route from the public address they name.  [default: off]",
    ),
)


def _media_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_MEDIA_OPTIONS):
        command = option(command)
    return command


def _provided(flags: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in flags.items() if value not in (None, ())}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="evolink-devkit", prog_name="evolink-mock")
def main() -> None:
    """A local emulator of EvoLink's asynchronous video API."""


@main.command(epilog="Every setting is also an environment variable: --clock-start is EVOLINK_MOCK_CLOCK_START.")
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes any free one.  [default: 8080]")
@click.option("--public-url", metavar="URL", help="What result links begin with.  [default: the address listened on]")
@click.option("--ready-file", metavar="FILE", help="Write the URL and the process id here, as JSON, once ready.")
@click.option(
    "--clock",
    type=click.Choice(["real", "scaled", "manual", "auto"]),
    help="real: 1:1. scaled: --speed times as fast. manual: moves when /__mock/clock says so. auto: jumps to the "
    "next event whenever somebody asks about an unfinished task.  [default: real]",
)
@click.option("--speed", type=float, metavar="N", help="Times as fast as real; implies --clock scaled.  [default: 1]")
@click.option("--clock-start", type=int, metavar="UNIX", help="Where clocks start.  [default: now; manual: 1757169743]")
@click.option("--scenarios", metavar="FILE", help="What shall go wrong, as TOML; read anew when it changes.")
@click.option("--state", metavar="DIR", help="Keep tasks, credits and callbacks here over restarts and crashes.")
@click.option("--seed", type=int, help="Ids and luck grow from it and from the API key.  [default: 0]")
@click.option(
    "--generation-time",
    metavar="LAW",
    help="quick (3-8 s), documented (about 120 s), 5s, 3s-8s or lognormal:120s:0.3.  [default: quick]",
)
@click.option("--keys", metavar="KEY,KEY", help="API keys to accept.  [default: any but sk-invalid...]")
@click.option("--tls/--no-tls", default=None, help="Serve HTTPS, with a certificate of the emulator's own authority.")
@_callback_options
@_media_options
@click.option("--log-format", type=click.Choice(["text", "json"]), help="[default: text]")
@click.option("--access-log/--no-access-log", default=None, help="Log a line for each request.  [default: off]")
@_CONFIG
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any other setting; `evolink-mock settings` lists them.",
)
def serve(config: Path | None, assignments: tuple[str, ...], **flags: Any) -> None:
    """Start the emulator."""
    # Start-up makes what stays for good; to look for garbage in it takes a tenth of the time to the first answer.
    gc.disable()
    # Serving needs uvicorn and more; --help does not.
    from evolink_mock.server.run import CannotServe, serve
    from evolink_mock.settings import load_settings

    given = _provided(flags)
    try:
        for assignment in assignments:
            name, equals, value = assignment.partition("=")
            if not equals:
                raise ValueError(f"--set takes NAME=VALUE, such as cancelled_as=cancelled; got {assignment[:60]!r}")
            given[name.strip().replace("-", "_")] = value
        settings = load_settings(given, os.environ, config)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        serve(settings)
    except CannotServe as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("url")
@_callback_options
@click.option("--dry-run", is_flag=True, help="Say what would happen, and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_CONFIG
def doctor(url: str, config: Path | None, dry_run: bool, as_json: bool, **flags: Any) -> None:
    """Try a callback URL: what production would do with it, where it goes from here, and what the receiver says."""
    from evolink_mock.delivery.doctor import diagnose
    from evolink_mock.settings import load_settings

    try:
        found = diagnose(url, load_settings(_provided(flags), os.environ, config), dry=dry_run)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        click.echo(f"production  {found['production']['says']}")
        for title, part in (("here", "here"), ("tried", "attempt")):
            if part in found:
                click.echo(f"{title:<12}{found[part]['says']}")
    sys.exit(0 if found["ok"] else 1)


@main.command()
@click.argument("host")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path(), metavar="DIR", help="[default: here]"
)
@_CONFIG
def cert(host: str, out: Path, config: Path | None) -> None:
    """Make a certificate for a receiver, signed by the emulator's authority, which its callbacks trust.

    HOST is the host of the callback URL, such as app.example.com: that is whom the emulator expects, wherever the
    route leads.
    """
    from evolink_mock.settings import load_settings
    from evolink_mock.tls import CERTIFICATE, authority_directory, issue

    try:
        directory = authority_directory(load_settings({}, os.environ, config))
        certificate, key = issue(directory, host, out)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot write {error.filename}: {error.strerror}") from None
    click.echo(f"certificate  {certificate}\nkey          {key}\nauthority    {directory / CERTIFICATE}")


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def check(file: Path) -> None:
    """Read a file of scenarios, and say what is wrong in which line."""
    from evolink_mock.scenarios.file import read_rules

    try:
        rules, faults = read_rules(file.read_bytes())
    except OSError as error:
        raise click.ClickException(f"cannot read {file}: {error.strerror}") from None
    for fault in faults:
        place = f"{file}:{fault.line}" if fault.line else str(file)
        click.echo(f"{place}: {fault.message}", err=True)
    if faults:
        sys.exit(1)
    click.echo(f"{file}: {len(rules)} rule{'' if len(rules) == 1 else 's'}, nothing wrong")


@main.command()
@click.argument("task_id")
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Where the emulator is.")
@click.option("--key", metavar="KEY", help="The API key that the task was created with.  [default: any]")
@click.option(
    "--token",
    envvar="EVOLINK_MOCK_CONTROL_TOKEN",
    metavar="TOKEN",
    help="What the emulator asks for where it is bound beyond loopback.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(task_id: str, url: str, key: str | None, token: str | None, as_json: bool) -> None:
    """Tell the story of a task: what decided it, its plan, each read, each charge, each attempt to call back."""
    import httpx

    headers = ({"Authorization": f"Bearer {key}"} if key else {}) | ({"X-Mock-Token": token} if token else {})
    path = f"{url.rstrip('/')}/__mock/tasks/{quote(task_id, safe='')}/explain"
    try:
        answer = httpx.get(path, headers=headers, params=None if key else {"all": "true"}, timeout=30)
        found = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise click.ClickException(f"no emulator answers at {url}: {error}; say where it is with --url") from None
    if answer.status_code != 200:
        raise click.ClickException(found["error"]["message"])
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for line in found["story"]:
        click.echo(f"{line['after']:>12}  {line['about']:<9} {line['says']}")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_CONFIG
def settings(as_json: bool, config: Path | None) -> None:
    """List every setting, its value in this environment, and the open questions of the API that some answer."""
    from evolink_contracts.spec.sources import CONFLICTS
    from evolink_mock.settings import NAMES, load_settings

    try:
        loaded = load_settings({}, os.environ, config)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    shown: list[dict[str, object]] = []
    for name in NAMES:
        conflict = CONFLICTS.get(name)
        value = getattr(loaded.choices if conflict else loaded, name)
        if name in ("control_token", "keys") and value:
            value = "(set)"
        if not as_json:
            click.echo(f"{name} = {_toml(value)}")
        if conflict is None:
            shown.append({"name": name, "value": value})
            continue
        readings = [reading.value for reading in conflict.readings]
        shown.append({"name": name, "value": value, "question": conflict.question, "readings": readings})
        if not as_json:
            click.echo(f"    {conflict.question}  {' | '.join(map(_toml, readings))}")
    if as_json:
        click.echo(json.dumps(shown, indent=2))


def _toml(value: object) -> str:
    if value is None:
        return "(unset)"
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
