"""Output of the command: text or JSON on the standard output, messages, and a progress bar on a terminal."""

import errno
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from typing import TextIO

import click


class NotPrinted(Exception):
    """The standard output is closed, or its disk is full; the message has the reason."""


def show(value: object, text: str, as_json: bool) -> None:
    """Print a value. Raises `NotPrinted`."""
    try:
        if sys.stdout is None:  # It was closed when the command began.
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        click.echo(_escaped(json.dumps(plain(value), indent=2, ensure_ascii=False)) if as_json else inert(text))
    except OSError as error:
        _discard(sys.stdout)
        raise NotPrinted(error.strerror) from None


def say(text: str) -> None:
    """Print a message on the standard error. If that fails, the command goes on without it."""
    try:
        click.echo(inert(text), err=True)
    except OSError:
        _discard(sys.stderr)


def _discard(stream: TextIO | None) -> None:
    """Let Python flush what is left at its exit to nowhere, since the pipe is closed or the disk is full."""
    if stream is not None:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def inert(text: str) -> str:
    """The text without control characters, since a response must not control the terminal, and without halves of
    surrogate pairs, which no encoding has."""
    return re.sub(r"[^\n\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]", "�", text)


def _escaped(json_text: str) -> str:
    """The same JSON with escapes for such characters, of which `json.dumps` escapes those below 32."""
    return re.sub(r"[\x7f-\x9f\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", json_text)


def plain(value: object) -> object:
    """Values for JSON, with undocumented fields beside the documented ones."""
    if isinstance(value, Mapping):
        return dict(value)
    if not is_dataclass(value):
        return value
    shown = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    extra = shown.pop("extra", {})
    assert isinstance(extra, dict)
    return shown | extra


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int | None, str], None]]:
    """A progress bar on a terminal; nothing elsewhere."""
    # rich takes longer to import than httpx, and without a terminal it is not needed.
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda so_far, total, says: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    # File names and texts of the service may have brackets, which are not markup.
    titled, said = (TextColumn(f"{{task.{part}}}", markup=False) for part in ("description", "fields[says]"))
    columns = (titled, BarColumn(), said, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(inert(title), total=100, says="")
        yield lambda so_far, total, says: progress.update(bar, completed=so_far, total=total, says=inert(says))
