"""The `evolink-contracts` command: judge a service, a recording, a receiver, or the kit itself."""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click

from evolink_contracts.cli import options
from evolink_contracts.cli.run import run_command
from evolink_contracts.drift import report as drift_report
from evolink_contracts.drift.replay import drift
from evolink_contracts.promises.coverage import SENTENCES
from evolink_contracts.promises.registry import invariants, judge
from evolink_contracts.runs.receiver import UNKNOWN_ID, check_receiver
from evolink_contracts.runs.runner import Report
from evolink_contracts.runs.selftest import offered, selftest
from evolink_contracts.target.target import Target, Unusable
from evolink_contracts.target.transports import InProcess, Network, NoReply
from evolink_contracts.trace.events import NoTrace, Trace, read_trace


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 every promise that was seen held, 1 one was broken, 2 wrong call, 3 the service or the "
    "recording could not be judged.",
)
@click.version_option(package_name="evolink-devkit", prog_name="evolink-contracts")
def main() -> None:
    """Does a service keep what EvoLink's documentation promises?"""


main.add_command(run_command)


@main.command()
@click.argument("recording", type=options.RECORDING)
@options.FORMAT
@options.OUT
@options.ONLY
@options.SKIP
@options.WITHIN
def check(
    recording: Path, form: str, out: Path | None, only: tuple[str, ...], skip: tuple[str, ...], tolerance: float
) -> None:
    """Judge a recording (JSON Lines), and send nothing."""
    chosen = options.choose(only, skip)
    events = _events(recording)
    options.say(Report(tuple(judge(events, chosen, tolerance)), events), "https://api.evolink.ai", form, out)


def _events(recording: Path) -> Trace:
    try:
        with recording.open(encoding="utf-8") as lines:
            return read_trace(lines)
    except (NoTrace, UnicodeDecodeError) as error:
        click.echo(f"Error: {recording}: {error}", err=True)
        sys.exit(3)


@main.command("drift")
@click.argument("recording", type=options.RECORDING)
@click.option("--format", "form", type=click.Choice(list(drift_report.FORMATS)), default="text", show_default=True)
@options.OUT
@options.WITHIN
def drift_command(recording: Path, form: str, out: Path | None, tolerance: float) -> None:
    """Play a recording to the emulator, and tell where the recorded service answered otherwise.

    Nothing is sent to anybody. A difference is critical where clients would notice, a warning where they should know,
    and information where either is right.
    """
    events = _events(recording)
    try:
        with (
            offered().made(None, {}) as app,
            Target(InProcess(app), "sk-drift") as target,
        ):
            found = drift(target, events, tolerance)
    except Unusable as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(3)
    options.put(drift_report.FORMATS[form](found), out)
    if not found.compared:
        click.echo(f"Error: {recording}: it has no call that could be compared with the emulator", err=True)
        sys.exit(3)
    sys.exit(1 if found.critical else 0)


@main.command("receiver")
@click.option("--target", required=True, metavar="URL", help="The endpoint that takes your callbacks.")
@click.option("--task", default=UNKNOWN_ID, metavar="ID", help="A task that your application knows.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def receiver_command(target: str, task: str, as_json: bool) -> None:
    """Send a receiver of callbacks what may come, and judge its answers."""
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise click.BadParameter(f"--target must be such as http://127.0.0.1:3000/webhooks; got {target!r}")
    path = target.removeprefix(f"{parts.scheme}://{parts.netloc}") or "/"
    network = Network(f"{parts.scheme}://{parts.netloc}", timeout=15)
    try:
        network.send("OPTIONS", path, {}, None)
        verdicts = list(check_receiver(network, path, task))
    except NoReply as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(3)
    finally:
        network.close()
    if as_json:
        rows = [{"number": v.promise.number, "statement": v.promise.statement, "broken": v.broken} for v in verdicts]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for verdict in verdicts:
            click.echo(f"{'✓' if verdict.held else '✗'} {verdict.promise.number} {verdict.promise.statement}")
            for line in verdict.broken:
                click.echo(f"    {line}")
        if task == UNKNOWN_ID and not all(verdict.held for verdict in verdicts):
            click.echo("Where it refuses tasks that it does not know, give --task one that it knows.")
    sys.exit(0 if all(verdict.held for verdict in verdicts) else 1)


@main.command("selftest")
@click.argument("names", nargs=-1, metavar="[MUTANT]...")
def selftest_command(names: tuple[str, ...]) -> None:
    """Break an emulator in every known way; each must be caught by the promise that it breaks."""
    try:
        emulators = offered()
    except Unusable as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(3)
    unknown = set(names) - {mutant.name for mutant in emulators.mutants}
    if unknown:
        raise click.BadParameter(f"there is no mutant {', '.join(sorted(unknown))}")
    missed = 0
    for trial in selftest(names or None):
        missed += not trial.passed
        mark = "✓" if trial.passed else "✗"
        if trial.name is None:
            faults = [*trial.caught_by, *(f"{number} was not seen" for number in trial.unseen)]
            click.echo(f"{mark} an honest emulator: {', '.join(faults) or 'every promise held'}")
        else:
            others = [number for number in trial.caught_by if number != trial.breaks]
            also = f", and by {', '.join(others)}" if others else ""
            verb = "caught by" if trial.passed else "NOT caught by"
            click.echo(f"{mark} {trial.name} ({trial.says}): {verb} {trial.breaks}{also}")
    sys.exit(1 if missed else 0)


@main.command("promises")
def promises() -> None:
    """List every promise with its source and how well it is known, and what the documents say that none shows."""
    for promise in invariants().values():
        click.echo(
            f"{promise.number} {promise.name}: {promise.statement} "
            f"[{promise.source}, {promise.basis}, {promise.severity}]"
        )
    click.echo("\nNot checkable, or not all of it:")
    for sentence in SENTENCES:
        if sentence.why:
            click.echo(f"- {sentence.page}: {sentence.says} {sentence.why[0].upper()}{sentence.why[1:]}.")
