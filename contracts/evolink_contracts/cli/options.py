"""Options that several commands share, and the exit codes and files in which a command ends."""

import os
import sys
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any

import click

from evolink_contracts.promises.registry import BY_NUMBER
from evolink_contracts.reporting.formats import FORMATS
from evolink_contracts.runs.runner import Report
from evolink_contracts.trace.history import TOLERANCE

EXIT_CODES = {
    0: "every promise that was seen held",
    1: "a promise was broken; `drift`: a critical difference; `selftest`: a mutant that was not caught",
    2: "wrong usage",
    3: "the service or the recording could not be checked, or a report could not be written",
}


class _WritableFile(click.Path):
    """A file that can be written or created. It is checked before a run, whose report would otherwise be lost."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        file = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not file.parent.is_dir():
            self.fail(f"{file} cannot be written: there is no directory {file.parent}", param, ctx)
        if not file.exists() and not os.access(file.parent, os.W_OK | os.X_OK):
            self.fail(f"{file} cannot be written: nothing may be added to the directory {file.parent}", param, ctx)
        return file


FILE = _WritableFile()
RECORDING = click.Path(exists=True, dir_okay=False, path_type=Path)
FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    help="Format of the report.",
)
OUT = click.option("--out", type=FILE, metavar="FILE", help="Write the report to a file instead of printing it.")
ONLY = click.option(
    "--only", multiple=True, metavar="PROMISE", help="Judge only this promise, by number or name; may be repeated."
)
SKIP = click.option(
    "--skip", multiple=True, metavar="PROMISE", help="Do not judge this promise, by number or name; may be repeated."
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
    help="Permitted deviation of the gaps and time-outs of callbacks.",
)


def choose(only: Sequence[str], skip: Sequence[str]) -> Sequence[str]:
    """The numbers of the promises to judge, in order; promises are given by number or name."""
    numbers = {name: number for number, promise in BY_NUMBER.items() for name in (number, promise.name)}
    unknown = {*only, *skip} - numbers.keys()
    if unknown:
        raise click.BadParameter(
            f"there is no promise {', '.join(sorted(unknown))}; evolink-contracts promises lists them"
        )
    wanted = {numbers[name] for name in only} or BY_NUMBER.keys()
    return [number for number in BY_NUMBER if number in wanted - {numbers[name] for name in skip}]


def finish(report: Report, base_url: str, form: str, out: Path | None, lost: bool = False) -> None:
    """Write a report, and exit with its code; `lost` is whether another file could not be written."""
    put(FORMATS[form](report, base_url), out)
    if report.stopped:
        click.echo(f"Error: {report.stopped}", err=True)
    sys.exit(3 if lost else 1 if report.broken or report.failure else 3 if report.stopped else 0)


def put(text: str, out: Path | None) -> None:
    """Print a text, or write it to a file. If that fails, print it, and exit."""
    if out is None:
        click.echo(text)
    elif not written(text, out):
        click.echo(text)
        sys.exit(3)


def written(text: str, file: Path) -> bool:
    """Write a text to a file, and report an error if that fails."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        click.echo(f"Error: {file} could not be written: {error.strerror}", err=True)
        return False
    return True
