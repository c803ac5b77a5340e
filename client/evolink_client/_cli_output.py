"""Output of the command: text or JSON on the standard output, and a progress bar on a terminal."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass

import click


def show(value: object, text: str, as_json: bool) -> None:
    click.echo(json.dumps(plain(value), indent=2, ensure_ascii=False) if as_json else inert(text))


def inert(text: str) -> str:
    """The text without control characters, since a response must not control the terminal."""
    return re.sub(r"[^\n\x20-\x7e\xa0-\U0010ffff]", "�", text)


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
        yield lambda so_far, total, says: progress.update(bar, completed=so_far, total=total, says=inert(says))
