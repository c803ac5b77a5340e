"""What several commands take, and how they end: which promises, how much tolerance, which report, which exit code."""

import os
import sys
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any

import click

from evolink_contracts.promises.registry import invariants
from evolink_contracts.reporting.reports import FORMATS
from evolink_contracts.runs.runner import Report
from evolink_contracts.trace.history import TOLERANCE


class _Writable(click.Path):
    """A file that can be written, or made; looked at before a run, since afterwards its report would be lost."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        file = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not file.parent.is_dir():
            self.fail(f"{file} cannot be written: there is no directory {file.parent}", param, ctx)
        if not file.exists() and not os.access(file.parent, os.W_OK | os.X_OK):
            self.fail(f"{file} cannot be written: nothing may be added to the directory {file.parent}", param, ctx)
        return file


FILE = _Writable()
RECORDING = click.Path(exists=True, dir_okay=False, path_type=Path)
FORMAT = click.option("--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True)
OUT = click.option("--out", type=FILE, metavar="FILE", help="Write it there.")
ONLY = click.option(
    "--only", multiple=True, metavar="PROMISE", help="Judge these alone, by number or name; may be repeated."
)
SKIP = click.option(
    "--skip", multiple=True, metavar="PROMISE", help="Do not judge these, by number or name; may be repeated."
)


def _number(value: float) -> float:
    if isnan(value):
        raise click.BadParameter("nan is no number of seconds.")
    return value


WITHIN = click.option(
    "--tolerance",
    type=click.FloatRange(0),
    callback=lambda context, option, value: _number(value),
    default=TOLERANCE,
    show_default=True,
    metavar="SECONDS",
    help="By how much gaps and time-outs of callbacks may differ.",
)


def choose(only: Sequence[str], skip: Sequence[str]) -> Sequence[str]:
    """The numbers that are left, in order; promises are known by number and by name."""
    known = invariants()
    numbers = {name: number for number, promise in known.items() for name in (number, promise.name)}
    unknown = {*only, *skip} - numbers.keys()
    if unknown:
        raise click.BadParameter(
            f"there is no promise {', '.join(sorted(unknown))}; evolink-contracts promises lists them"
        )
    wanted = {numbers[name] for name in only} or known.keys()
    return [number for number in known if number in wanted - {numbers[name] for name in skip}]


def say(report: Report, base_url: str, form: str, out: Path | None, lost: bool = False) -> None:
    """Write a report, and end with its exit code; `lost` is whether something else could not be written."""
    put(FORMATS[form](report, base_url), out)
    if report.stopped:
        click.echo(f"Error: {report.stopped}", err=True)
    sys.exit(3 if lost else 1 if report.broken or report.failure else 3 if report.stopped else 0)


def put(text: str, out: Path | None) -> None:
    """Print a text, or write it into a file; where that fails it is printed all the same, and the command ends."""
    if out is None:
        click.echo(text)
    elif not written(text, out):
        click.echo(text)
        sys.exit(3)


def written(text: str, file: Path) -> bool:
    """Write a text into a file, and tell of it where that fails."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        click.echo(f"Error: {file} could not be written: {error.strerror}", err=True)
        return False
    return True
