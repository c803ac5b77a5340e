"""Options that several commands share, and how a command ends: its report, its files and its exit code."""

import codecs
import errno
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import StringIO, TextIOWrapper
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

import click

from evolink_contracts.cli.exit_codes import Exit
from evolink_contracts.promises.registry import BY_NUMBER
from evolink_contracts.reference.errors import ForeignEncoding, InvalidTrace
from evolink_contracts.reference.text_files import read_utf8
from evolink_contracts.reporting.formats import FORMATS
from evolink_contracts.reporting.sentences import NOTHING, clean
from evolink_contracts.runs.runner import Report
from evolink_contracts.trace.history import TOLERANCE
from evolink_contracts.trace.json_lines import Recording, read_recording


class _WritableFile(click.Path):
    """A file that can be written or created. It is checked before a run, whose report would otherwise be lost."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if not value or str(value).endswith(os.sep):
            self.fail(f"{str(value)!r} is not the name of a file", param, ctx)
        file = Path(os.fsdecode(super().convert(value, param, ctx)))
        try:
            file.stat()
        except FileNotFoundError:
            pass
        except OSError as error:
            self.fail(f"{str(file)[:80]} cannot be written: {error.strerror}", param, ctx)
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


def only_option(more: str = "") -> Callable[[Any], Any]:
    """The option `--only`; its help ends with `more`."""
    says = "Check only this promise, by number or name. Several with commas, or by repeating the option."
    return click.option("--only", multiple=True, metavar="PROMISE", help=f"{says}{more}")


ONLY = only_option()
SKIP = click.option(
    "--skip",
    multiple=True,
    metavar="PROMISE",
    help="Do not check this promise, by number or name. Several with commas, or by repeating the option.",
)


def _number(value: float) -> float:
    if not isfinite(value):
        raise click.BadParameter(f"{value} is not a number of seconds.")
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
    """The numbers of the promises to check, in order; a text has the number or name of one or, with commas, several."""
    only, skip = _items(only), _items(skip)
    numbers = {name: number for number, promise in BY_NUMBER.items() for name in (number, promise.name)}
    unknown = {*only, *skip} - numbers.keys()
    if unknown:
        raise click.BadParameter(
            f"there is no promise {', '.join(sorted(unknown))}; evolink-contracts promises lists them"
        )
    wanted = {numbers[name] for name in only} or BY_NUMBER.keys()
    chosen = [number for number in BY_NUMBER if number in wanted - {numbers[name] for name in skip}]
    if not chosen:
        fail("--only and --skip leave no promise to check")
    return chosen


def _items(texts: Sequence[str]) -> list[str]:
    return [item.strip() for text in texts for item in text.split(",") if item.strip()]


def fail(sentence: str) -> NoReturn:
    """Exit, since nothing can be checked."""
    click.echo(f"Error: {clean(sentence)}", err=True)
    sys.exit(Exit.NOT_CHECKED)


def read_file(recording: Path, nothing: str) -> Recording:
    """The recording in a file. Exits if it cannot be read, or, with the sentence `nothing`, if it has no event."""
    try:
        found = read_recording(StringIO(read_utf8(recording), newline=None))
    except (InvalidTrace, ForeignEncoding) as error:
        fail(f"{recording}: {error}")
    if not found.events:
        fail(f"{recording}: {nothing}")
    return found


def finish(report: Report, base_url: str | None, form: str, out: Path | None, lost: bool = False) -> NoReturn:
    """Write a report, and exit with its code; `lost` is whether another file could not be written."""
    put(FORMATS[form](report, base_url), out)
    if report.stopped:
        click.echo(f"Error: {clean(report.stopped)}", err=True)
    elif report.covers_nothing:
        click.echo(f"Error: {_nothing(report)}", err=True)
    if lost:
        sys.exit(Exit.NOT_CHECKED)
    if report.failed or report.failure:
        sys.exit(Exit.FAILED)
    sys.exit(Exit.NOT_CHECKED if report.stopped or report.covers_nothing else Exit.PASSED)


def _nothing(report: Report) -> str:
    of_all = "" if len(report.judgements) == len(BY_NUMBER) else "chosen "
    where = "this run" if report.recording is None else "this recording"
    return f"{NOTHING}: no call or callback of {where} is covered by a {of_all}promise"


_ASCII = {"✓": "+", "✗": "x", "–": "-", "—": "-", "…": "...", "·": ".", "×": "x", "→": "->"}
"""Marks of the reports as every code page has them."""


def _replaced(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    lacking = error.object[error.start : error.end]
    return "".join(_ASCII.get(char, "?") for char in lacking), error.end


def replace_unencodable() -> None:
    """Let the standard output and error replace what their encoding lacks, such as the marks in a code page."""
    codecs.register_error("evolink_contracts", _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="evolink_contracts")


def put(text: str, out: Path | None) -> None:
    """Print a text, or write it to a file. If that fails, print it, and exit."""
    if out is None:
        print_report(text)
    elif not written(text, out):
        print_report(text)
        sys.exit(Exit.NOT_CHECKED)


def print_report(text: str) -> None:
    """Print a text. Exits if the standard output is closed or its disk is full, since 1 says that a promise failed."""
    try:
        if sys.stdout is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        click.echo(text)
    except OSError as error:
        if sys.stdout is not None:
            # Python writes what is left at its exit.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        with suppress(OSError):
            click.echo(f"Error: the standard output could not be written: {error.strerror}", err=True)
        sys.exit(Exit.NOT_CHECKED)


def written(text: str, file: Path) -> bool:
    """Write a text to a file, and report an error if that fails."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        click.echo(f"Error: {file} could not be written: {error.strerror}", err=True)
        return False
    return True
