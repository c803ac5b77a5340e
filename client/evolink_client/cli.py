"""The `evolink` command: create a video, wait for it, download it."""

import os
import stat
import sys
from collections.abc import Callable
from io import TextIOWrapper
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from evolink_client._cli_output import show
from evolink_client._cli_session import EXIT_CODES as EXIT_CODES
from evolink_client._cli_session import Address, Session, session
from evolink_client._clock import new_key
from evolink_client._create import MODEL, TEXT_MODEL

Command = TypeVar("Command", bound=Callable[..., Any])
_QUERY = (0, 1, 2, 129, 130, 143)


def _epilog(numbers: tuple[int, ...] = tuple(EXIT_CODES)) -> str:
    """The last paragraph of a `--help`: environment variables, and the exit codes."""
    codes = "; ".join(f"{number} {EXIT_CODES[number]}" for number in numbers)
    return (
        "The API key is read from EVOLINK_API_KEY; SSL_CERT_FILE names certificate authorities to trust. "
        f"Exit codes: {codes}."
    )


class _NewFile(click.Path):
    """A file that can be written or created.

    It is checked before anything is sent, since a video that cannot be saved costs as much as one that can.
    """

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        text = os.fsdecode(value)
        if not text:
            self.fail("is empty, where the name of a file belongs", param, ctx)
        file = Path(text)
        if text.endswith(os.sep):
            self.fail(f"{text} is the name of a directory, where that of a file belongs", param, ctx)
        directory = file.absolute().parent
        if not (directory.is_dir() and os.access(directory, os.W_OK | os.X_OK)):
            self.fail(f"{directory} is no directory that can be written to", param, ctx)
        try:
            # The video replaces the file, which must not happen to a directory or a device.
            if not stat.S_ISREG(file.stat().st_mode):
                self.fail(f"{file} is no regular file", param, ctx)
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            self.fail(f"{text[:80]} is no name of a file: {getattr(error, 'strerror', None) or error}", param, ctx)
        return file


class _NotNegative(click.FloatRange):
    """A finite number of seconds, from 0 on."""

    def __init__(self) -> None:
        super().__init__(0)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not isfinite(number):
            self.fail(f"{number} is not a finite number from 0 on", param, ctx)
        return number


def _address(context: click.Context, parameter: click.Parameter, base_url: str | None) -> None:
    """Keep the base URL; an option of a subcommand replaces one of the group, and either replaces the variable."""
    by_option = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    if by_option or context.obj is None:
        context.obj = Address(base_url, by_option)


_BASE_URL = click.option(
    "--base-url",
    envvar="EVOLINK_BASE_URL",
    show_envvar=True,
    metavar="URL",
    callback=_address,
    expose_value=False,
    is_eager=True,
    help="Base URL of the service.  [default: https://api.evolink.ai]",
)
_OUT = click.option("--out", type=_NewFile(), metavar="FILE", help="Wait, and save the video to FILE.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_TIMEOUT = click.option(
    "--timeout",
    type=_NotNegative(),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="The longest time to wait.",
)


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
    epilog=f"{_epilog()} "
    'Shell completion: eval "$(_EVOLINK_COMPLETE=bash_source evolink)" in ~/.bashrc; zsh_source and fish_source for '
    "these shells.",
)
@click.version_option(package_name="evolink-devkit", prog_name="evolink")
@_BASE_URL
def main() -> None:
    """Create videos with EvoLink's API, or with an emulator of it."""


@main.command(short_help="Create a video.", epilog=_epilog())
@click.argument("prompt")
@click.option("--image", "image_url", metavar="URL", help="URL of the image that the video starts with.")
@click.option(
    "--model",
    metavar="NAME",
    help=f"Model that makes the video.  [default: {MODEL} with --image, else {TEXT_MODEL}]",
)
@click.option("--duration", type=int, metavar="SECONDS", help="Length of the video, from 2 to 15.")
@click.option("--quality", metavar="720p|1080p", help="Resolution.")
@click.option("--prompt-extend/--no-prompt-extend", default=None, help="Whether the service may reword the prompt.")
@click.option("--shot-type", metavar="single|multi", help="One shot or several; only with a reworded prompt.")
@click.option("--audio", "audio_url", metavar="URL", help="URL of an MP3 for the audio.")
@click.option("--generate-audio/--no-generate-audio", default=None, help="With audio, or silent at half the price.")
@click.option("--callback-url", metavar="URL", help="HTTPS URL that is called when the task ends.")
@click.option("--idempotency-key", metavar="KEY", help="Repeated creates with one key give one task, charged once.")
@click.option("--wait", "waits", is_flag=True, help="Wait until the video is finished.")
@_OUT
@_TIMEOUT
@_JSON
@_BASE_URL
@click.pass_obj
def create(
    address: Address,
    /,
    prompt: str,
    image_url: str | None,
    idempotency_key: str | None,
    waits: bool,
    out: Path | None,
    timeout: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Create a video; with --wait or --out, also wait for it.

    A wait that ends without the video, by an interruption, the time-out or an error, leaves the task running: its id is
    printed, and the command that waits for it again.
    """
    given = {name: value for name, value in options.items() if value is not None}
    given.setdefault("model", TEXT_MODEL if image_url is None else MODEL)
    key = new_key() if idempotency_key is None else idempotency_key
    with session(address, as_json) as current:
        current.create(key)
        task = current.client.videos.create(prompt, image_url, idempotency_key=key, **given)
        current.created(task)
        if waits or out is not None:
            _wait(current, task.id, timeout, out)
        else:
            show(task, task.id, as_json)


@main.command(short_help="Wait until a video is finished.", epilog=_epilog())
@click.argument("task_id")
@_OUT
@_TIMEOUT
@_JSON
@_BASE_URL
@click.pass_obj
def wait(address: Address, task_id: str, out: Path | None, timeout: float, as_json: bool) -> None:
    """Wait until a video is finished, and print its link."""
    with session(address, as_json) as current:
        _wait(current, task_id, timeout, out)


@main.command(short_help="Print the state of a task.", epilog=_epilog(_QUERY))
@click.argument("task_id")
@_JSON
@_BASE_URL
@click.pass_obj
def get(address: Address, task_id: str, as_json: bool) -> None:
    """Print the state of a task."""
    with session(address, as_json) as current:
        task = current.client.tasks.get(task_id)
        failed = f": {task.error.code}: {task.error.message}" if task.error else ""
        show(task, "\n".join([f"{task.status}, {task.progress} %{failed}", *task.results]), as_json)


@main.command(short_help="Save the video of a completed task.", epilog=_epilog())
@click.argument("task_id")
@click.argument("file", type=_NewFile())
@_JSON
@_BASE_URL
@click.pass_obj
def download(address: Address, task_id: str, file: Path, as_json: bool) -> None:
    """Save the video of a completed task."""
    with session(address, as_json) as current:
        size = current.download(current.get_finished(task_id, file), file)
        show({"file": str(file), "bytes": size}, f"{file}: {size} bytes", as_json)


@main.command(short_help="Print the remaining and used credits.", epilog=_epilog(_QUERY))
@_JSON
@_BASE_URL
@click.pass_obj
def credits(address: Address, as_json: bool) -> None:  # noqa: A001  # The API's own word.
    """Print the remaining and used credits."""
    with session(address, as_json) as current:
        report = current.client.credits()
        left = "unlimited" if report.token.unlimited else f"{report.token.remaining_credits:.15g} left"
        show(report, f"{left}, {report.token.used_credits:.15g} used", as_json)


def _wait(current: Session, task_id: str, timeout: float, out: Path | None) -> None:
    video = current.wait(task_id, timeout, out)
    if out is not None:
        current.download(video, out)
    show(video.task, video.url if out is None else str(out), current.as_json)
