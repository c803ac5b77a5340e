"""How far a run has come: a bar on a terminal, and a line for each probe anywhere else."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from evolink_contracts.probes import Probe


@contextmanager
def telling(total: int) -> Iterator[Callable[[Probe], None]]:
    """Something to tell of each probe before it is played; of so many there are."""
    if not sys.stderr.isatty():
        yield lambda probe: click.echo(f"  {probe.name}: {probe.does}", err=True)
        return
    # rich takes longer to import than all of this package, and whoever writes into a file needs none of it.
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=total)
        begun = 0

        def tell(probe: Probe) -> None:
            nonlocal begun
            progress.update(bar, completed=begun, description=escape(f"{probe.name}: {probe.does}"))
            begun += 1

        yield tell
