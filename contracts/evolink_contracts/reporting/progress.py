"""How far a run has come: a bar on a terminal, and a line for each part anywhere else."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import click


class Teller(NamedTuple):
    """`begin` is told of each part before it is played, `go_on` how far that is, where somebody watches."""

    begin: Callable[[str], None]
    go_on: Callable[[str], None]


@contextmanager
def telling(total: int) -> Iterator[Teller]:
    """Something to tell of so many parts."""
    if not sys.stderr.isatty():
        yield Teller(lambda says: click.echo(f"  {says}", err=True), lambda says: None)
        return
    # rich takes longer to import than all of this package, and whoever writes into a file needs none of it.
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=total)
        begun = 0

        def begin(says: str) -> None:
            nonlocal begun
            progress.update(bar, completed=begun, description=escape(says))
            begun += 1

        yield Teller(begin, lambda says: progress.update(bar, description=escape(says)))
