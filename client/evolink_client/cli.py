"""The `evolink` command: create a video, wait for it, download it."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import click

from evolink_client import (
    EvolinkClient,
    EvolinkError,
    InvalidRequest,
    NotConfigured,
    TaskFailed,
    Video,
    WaitTimedOut,
)

EXIT_CODES = {
    0: "success",
    1: "an error response, or no response",
    2: "wrong usage",
    3: "the task ended without a video",
    4: "the task did not end before the time-out",
}
_CODES: tuple[tuple[type[EvolinkError], int], ...] = (
    (InvalidRequest, 2),
    (NotConfigured, 2),
    (TaskFailed, 3),
    (WaitTimedOut, 4),
    (EvolinkError, 1),
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_TIMEOUT = click.option(
    "--timeout", default=600.0, show_default=True, metavar="SECONDS", help="The longest time to wait."
)


def _writable(context: click.Context, parameter: click.Parameter, file: Path | None) -> Path | None:
    """Check before anything is sent, since a video that cannot be saved costs as much as one that can."""
    if file is not None and not os.access(file.absolute().parent, os.W_OK):
        raise click.BadParameter(f"{file.absolute().parent} is no directory that can be written to")
    return file


_FILE = click.Path(dir_okay=False, path_type=Path)
_OUT = click.option("--out", type=_FILE, callback=_writable, metavar="FILE", help="Wait, and save the video to FILE.")


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="The API key is read from EVOLINK_API_KEY. "
    f"Exit codes: {'; '.join(f'{code} {meaning}' for code, meaning in EXIT_CODES.items())}.",
)
@click.version_option(package_name="evolink-devkit", prog_name="evolink")
@click.option(
    "--base-url",
    envvar="EVOLINK_BASE_URL",
    metavar="URL",
    help="Base URL of the service.  [default: https://api.evolink.ai]",
)
@click.pass_context
def main(context: click.Context, base_url: str | None) -> None:
    """Create videos with EvoLink's API, or with an emulator of it."""
    context.obj = base_url


@main.command()
@click.argument("prompt")
@click.option("--image", "image_url", metavar="URL", help="URL of the image that the video starts with.")
@click.option("--model", metavar="NAME", help="Model that makes the video.  [default: wan2.6-image-to-video-flash]")
@click.option("--duration", type=int, metavar="SECONDS", help="Length of the video, from 2 to 15.")
@click.option("--quality", metavar="720p|1080p", help="Resolution.")
@click.option("--prompt-extend/--no-prompt-extend", default=None, help="Whether the service may reword the prompt.")
@click.option("--shot-type", metavar="single|multi", help="One shot or several; only with a reworded prompt.")
@click.option("--audio", "audio_url", metavar="URL", help="URL of an MP3 for the sound.")
@click.option("--generate-audio/--no-generate-audio", default=None, help="With sound, or silent at half the price.")
@click.option("--callback-url", metavar="URL", help="HTTPS URL that is called when the task ends.")
@click.option("--idempotency-key", metavar="KEY", help="Repeated creates with one key give one task, charged once.")
@click.option("--wait", "waits", is_flag=True, help="Wait until the video is finished.")
@_OUT
@_TIMEOUT
@_JSON
@click.pass_obj
def create(
    base_url: str | None,
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
    """Create a video; with --wait or --out, also wait for it."""
    given = {name: value for name, value in options.items() if value is not None}
    with _client(base_url) as client:
        task = client.videos.create(prompt, image_url, idempotency_key=idempotency_key, **given)
        if waits or out is not None:
            _wait(client, task.id, timeout, out, as_json)
        else:
            _show(task, task.id, as_json)


@main.command()
@click.argument("task_id")
@_OUT
@_TIMEOUT
@_JSON
@click.pass_obj
def wait(base_url: str | None, task_id: str, out: Path | None, timeout: float, as_json: bool) -> None:
    """Wait until a video is finished, and print its link."""
    with _client(base_url) as client:
        _wait(client, task_id, timeout, out, as_json)


@main.command()
@click.argument("task_id")
@_JSON
@click.pass_obj
def get(base_url: str | None, task_id: str, as_json: bool) -> None:
    """Print the state of a task."""
    with _client(base_url) as client:
        task = client.tasks.get(task_id)
        failed = f": {task.error.code}: {task.error.message}" if task.error else ""
        _show(task, "\n".join([f"{task.status}, {task.progress} %{failed}", *task.results]), as_json)


@main.command()
@click.argument("task_id")
@click.argument("file", type=_FILE, callback=_writable)
@_JSON
@click.pass_obj
def download(base_url: str | None, task_id: str, file: Path, as_json: bool) -> None:
    """Save the video of a completed task."""
    with _client(base_url) as client:
        task = client.tasks.get(task_id)
        if not task.results:
            raise TaskFailed(task) if task.ended else WaitTimedOut(task, 0)
        size = _download(Video(client, task), file)
        _show({"file": str(file), "bytes": size}, f"{file}: {size} bytes", as_json)


@main.command()
@_JSON
@click.pass_obj
def credits(base_url: str | None, as_json: bool) -> None:  # noqa: A001  # The API's own word.
    """Print the remaining and used credits."""
    with _client(base_url) as client:
        report = client.credits()
        left = "unlimited" if report.token.unlimited else f"{report.token.remaining_credits:g} left"
        _show(report, f"{left}, {report.token.used_credits:g} used", as_json)


@contextmanager
def _client(base_url: str | None) -> Iterator[EvolinkClient]:
    try:
        with EvolinkClient(base_url=base_url) as client:
            yield client
    except EvolinkError as error:
        click.echo(f"Error: {_inert(str(error))}", err=True)
        sys.exit(next(code for kind, code in _CODES if isinstance(error, kind)))
    except OSError as error:
        click.echo(f"Error: cannot write {error.filename}: {error.strerror}", err=True)
        sys.exit(1)


def _wait(client: EvolinkClient, task_id: str, timeout: float, out: Path | None, as_json: bool) -> None:
    with _progress(task_id) as move:
        video = client.tasks.wait(task_id, timeout, lambda task: move(task.progress, 100, task.status))
    if out is not None:
        _download(video, out)
    _show(video.task, video.url if out is None else str(out), as_json)


def _download(video: Video, file: Path) -> int:
    with _progress(file.name) as move:
        return video.download(file, lambda so_far, total: move(so_far, total, "fetching"))


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int | None, str], None]]:
    """A progress bar on a terminal; nothing elsewhere."""
    # rich takes longer to import than httpx, and without a terminal it is not needed.
    if not sys.stderr.isatty():
        yield lambda so_far, total, says: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    # File names and texts of the service may have brackets, which are not markup.
    titled, said = (TextColumn(f"{{task.{part}}}", markup=False) for part in ("description", "fields[says]"))
    columns = (titled, BarColumn(), said, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(title, total=100, says="")
        yield lambda so_far, total, says: progress.update(bar, completed=so_far, total=total, says=_inert(says))


def _show(value: object, text: str, as_json: bool) -> None:
    click.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False) if as_json else _inert(text))


def _inert(text: str) -> str:
    """The text without control characters, since a response must not control the terminal."""
    return re.sub(r"[^\n\x20-\x7e\xa0-\U0010ffff]", "�", text)


def _plain(value: object) -> object:
    """Values for JSON, with undocumented fields beside the documented ones."""
    if isinstance(value, Mapping):
        return dict(value)
    if not is_dataclass(value):
        return value
    shown = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    extra = shown.pop("extra", {})
    assert isinstance(extra, dict)
    return shown | extra
