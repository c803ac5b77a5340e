"""What several commands take, and how they end: which promises, how much tolerance, which report, which exit code."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from evolink_contracts.history import TOLERANCE
from evolink_contracts.invariants import invariants
from evolink_contracts.reports import FORMATS
from evolink_contracts.runner import Report

FILE = click.Path(dir_okay=False, path_type=Path)
RECORDING = click.Path(exists=True, dir_okay=False, path_type=Path)
FORMAT = click.option("--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True)
OUT = click.option("--out", type=FILE, metavar="FILE", help="Write it there.")
ONLY = click.option(
    "--only", multiple=True, metavar="PROMISE", help="Judge these alone, by number or name; may be repeated."
)
SKIP = click.option(
    "--skip", multiple=True, metavar="PROMISE", help="Do not judge these, by number or name; may be repeated."
)
WITHIN = click.option(
    "--tolerance",
    type=click.FloatRange(0),
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


def say(report: Report, base_url: str, form: str, out: Path | None) -> None:
    """Write a report, and end with its exit code."""
    put(FORMATS[form](report, base_url), out)
    if report.stopped:
        click.echo(f"Error: {report.stopped}", err=True)
    sys.exit(1 if report.broken or report.failure else 3 if report.stopped else 0)


def put(text: str, out: Path | None) -> None:
    """Print a text, or write it into a file."""
    if out is None:
        click.echo(text)
    else:
        out.write_text(text, encoding="utf-8")
