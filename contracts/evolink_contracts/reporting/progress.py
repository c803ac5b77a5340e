"""Progress of a run: a bar on a terminal, and a line for each part anywhere else."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import click


class Progress(NamedTuple):
    """`begin` is called with each part before it begins, `update` while it goes on."""

    begin: Callable[[str], None]
    update: Callable[[str], None]


@contextmanager
def show_progress(total: int) -> Iterator[Progress]:
    """The progress of this number of parts."""
    if not sys.stderr.isatty():
        yield Progress(lambda says: click.echo(f"  {says}", err=True), lambda says: None)
        return
    # rich takes longer to import than this whole package, and is needed on a terminal only.
    from rich import progress as bars
    from rich.console import Console
    from rich.markup import escape

    columns = (
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
        bars.TextColumn("{task.description}"),
    )
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=total)
        begun = 0

        def begin(says: str) -> None:
            nonlocal begun
            progress.update(bar, completed=begun, description=escape(says))
            begun += 1

        yield Progress(begin, lambda says: progress.update(bar, description=escape(says)))
