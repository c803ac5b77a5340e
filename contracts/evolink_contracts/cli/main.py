"""The `evolink-contracts` command: judges a service, a recording, a receiver, or the kit itself."""

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from evolink_contracts.cli import options
from evolink_contracts.cli.run import execute
from evolink_contracts.cli.run_options import RunOptions, run_options
from evolink_contracts.drift import report as drift_report
from evolink_contracts.drift.replay import drift
from evolink_contracts.promises import PROMISES
from evolink_contracts.promises.coverage import SENTENCES
from evolink_contracts.promises.registry import judge
from evolink_contracts.reference.errors import InvalidTrace, NoResponse, ServiceUnusable
from evolink_contracts.runs.receiver import ReceiverJudgement, check_receiver
from evolink_contracts.runs.receiver_promises import UNKNOWN_ID
from evolink_contracts.runs.runner import Report
from evolink_contracts.runs.selftest import Trial, find_provider, selftest
from evolink_contracts.target.target import Target
from evolink_contracts.target.transports import AsgiTransport, HttpTransport
from evolink_contracts.trace.events import Trace
from evolink_contracts.trace.json_lines import read_trace


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"Exit codes: {'; '.join(f'{code} {meaning}' for code, meaning in options.EXIT_CODES.items())}.",
)
@click.version_option(package_name="evolink-devkit", prog_name="evolink-contracts")
def main() -> None:
    """Check a service against the promises of EvoLink's documentation."""


@main.command("run")
@run_options
def run_command(**given: Any) -> None:
    """Play probes to a service, and judge it by its answers."""
    execute(RunOptions(**given))


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
    """Judge a recording (JSON Lines) without sending anything."""
    chosen = options.choose(only, skip)
    events = _events(recording)
    options.finish(Report(tuple(judge(events, chosen, tolerance)), events), "https://api.evolink.ai", form, out)


def _events(recording: Path) -> Trace:
    try:
        with recording.open(encoding="utf-8") as lines:
            return read_trace(lines)
    except (InvalidTrace, UnicodeDecodeError) as error:
        click.echo(f"Error: {recording}: {error}", err=True)
        sys.exit(3)


@main.command("drift")
@click.argument("recording", type=options.RECORDING)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(drift_report.FORMATS)),
    default="text",
    show_default=True,
    help="Format of the report.",
)
@options.OUT
@options.WITHIN
def drift_command(recording: Path, form: str, out: Path | None, tolerance: float) -> None:
    """Replay a recording to the emulator, and report where its answers differ.

    Nothing is sent over the network. A difference is critical if clients would notice it, a warning if they should know
    it, and information if both answers are right.
    """
    events = _events(recording)
    try:
        with (
            find_provider().made(None, {}) as app,
            Target(AsgiTransport(app), "sk-drift") as target,
        ):
            found = drift(target, events, tolerance)
    except ServiceUnusable as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(3)
    options.put(drift_report.FORMATS[form](found), out)
    if not found.compared:
        click.echo(f"Error: {recording}: it has no call that could be compared with the emulator", err=True)
        sys.exit(3)
    sys.exit(1 if found.critical else 0)


@main.command("receiver")
@click.option("--target", required=True, metavar="URL", help="URL of the receiver to judge.")
@click.option("--task", default=UNKNOWN_ID, metavar="ID", help="Id of a task that your application knows.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def receiver_command(target: str, task: str, as_json: bool) -> None:
    """Send callbacks of every kind to a receiver of yours, and judge its answers."""
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise click.BadParameter(f"--target must be such as http://127.0.0.1:3000/webhooks; got {target!r}")
    path = target.removeprefix(f"{parts.scheme}://{parts.netloc}") or "/"
    transport = HttpTransport(f"{parts.scheme}://{parts.netloc}", timeout=15)
    try:
        transport.send("OPTIONS", path, {}, None)
        judgements = list(check_receiver(transport, path, task))
    except NoResponse as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(3)
    finally:
        transport.close()
    held = all(judgement.held for judgement in judgements)
    click.echo(_receiver_json(judgements) if as_json else _receiver_text(judgements))
    if not as_json and task == UNKNOWN_ID and not held:
        click.echo("If it refuses tasks that it does not know, give --task one that it knows.")
    sys.exit(0 if held else 1)


def _receiver_json(judgements: list[ReceiverJudgement]) -> str:
    rows = [
        {"number": each.promise.number, "statement": each.promise.statement, "broken": each.problems}
        for each in judgements
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False)


def _receiver_text(judgements: list[ReceiverJudgement]) -> str:
    lines = []
    for each in judgements:
        lines.append(f"{'✓' if each.held else '✗'} {each.promise.number} {each.promise.statement}")
        lines += [f"    {problem}" for problem in each.problems]
    return "\n".join(lines)


@main.command("selftest")
@click.argument("names", nargs=-1, metavar="[MUTANT]...")
def selftest_command(names: tuple[str, ...]) -> None:
    """Run the kit against every mutant of an emulator; each must be caught by the promise that it breaks."""
    try:
        provider = find_provider()
    except ServiceUnusable as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(3)
    unknown = set(names) - {mutant.name for mutant in provider.mutants}
    if unknown:
        raise click.BadParameter(f"there is no mutant {', '.join(sorted(unknown))}")
    missed = 0
    for trial in selftest(names or None):
        missed += not trial.passed
        click.echo(f"{'✓' if trial.passed else '✗'} {_trial_text(trial)}")
    sys.exit(1 if missed else 0)


def _trial_text(trial: Trial) -> str:
    if trial.name is None:
        problems = [*trial.caught_by, *(f"{number} was not seen" for number in trial.unseen)]
        return f"the unmodified emulator: {', '.join(problems) or 'every promise held'}"
    others = [number for number in trial.caught_by if number != trial.breaks]
    also = f", and by {', '.join(others)}" if others else ""
    verb = "caught by" if trial.passed else "NOT caught by"
    return f"{trial.name} ({trial.description}): {verb} {trial.breaks}{also}"


@main.command("promises")
def promises_command() -> None:
    """List every promise with its source and basis, and every documented sentence that no promise tests."""
    for promise in PROMISES:
        click.echo(
            f"{promise.number} {promise.name}: {promise.statement} "
            f"[{promise.source}, {promise.basis}, {promise.severity}]"
        )
    click.echo("\nNot checkable, or not all of it:")
    for sentence in SENTENCES:
        if sentence.why:
            click.echo(f"- {sentence.page}: {sentence.says} {sentence.why[0].upper()}{sentence.why[1:]}.")
