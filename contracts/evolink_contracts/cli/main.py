"""The `evolink-contracts` command: checks a service, a recording, a receiver, or the kit itself."""

import sys
from pathlib import Path
from typing import Any

import click

from evolink_contracts.cli import options, receiver
from evolink_contracts.cli.exit_codes import EXIT_CODES, Exit, exit_codes, exit_codes_of
from evolink_contracts.cli.run import execute
from evolink_contracts.cli.run_options import RunOptions, run_options
from evolink_contracts.drift import report as drift_report
from evolink_contracts.drift.replay import drift
from evolink_contracts.promises import PROMISES
from evolink_contracts.promises.coverage import SENTENCES
from evolink_contracts.promises.registry import judge
from evolink_contracts.reference.errors import ServiceUnusable
from evolink_contracts.reporting.legend import bracket, legend_lines
from evolink_contracts.runs.receiver_promises import UNKNOWN_ID
from evolink_contracts.runs.runner import Report
from evolink_contracts.runs.selftest import Trial, find_provider, selftest
from evolink_contracts.target.target import Target
from evolink_contracts.target.transports import AsgiTransport

_COMPLETION = (
    'Shell completion: eval "$(_EVOLINK_CONTRACTS_COMPLETE=bash_source evolink-contracts)" in ~/.bashrc; '
    "zsh_source and fish_source for these shells."
)

_TRUST = "SSL_CERT_FILE names certificate authorities to trust."
_TOKEN = "The control token of an emulator is read from EVOLINK_MOCK_CONTROL_TOKEN."  # noqa: S105  # Its variable.
_NOTHING_COMPARED = "it has no call that could be compared with the emulator"


class _Commands(click.Group):
    """The group of the commands. An interruption ends with a code of its own, since 1 says that a promise failed.

    What the code page of the output lacks is replaced, for the same reason.
    """

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> click.Context:
        options.replace_unencodable()
        return super().make_context(info_name, args, *more, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("\nInterrupted; there is no report.", err=True)
            sys.exit(Exit.INTERRUPTED)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"{exit_codes(EXIT_CODES)} {_COMPLETION}",
)
@click.version_option(package_name="evolink-devkit", prog_name="evolink-contracts")
def main() -> None:
    """Check a service against the promises of EvoLink's documentation."""


@main.command(
    "run",
    short_help="Send test requests to a service, and check it.",
    epilog=f"{_TOKEN} {_TRUST} {exit_codes_of('run')}",
)
@run_options
def run_command(**given: Any) -> None:
    """Send test requests to a service, and check its answers and callbacks."""
    execute(RunOptions(**given))


@main.command(short_help="Check a recording; nothing is sent.", epilog=exit_codes_of("check"))
@click.argument("recording", type=options.RECORDING)
@options.FORMAT
@options.OUT
@options.ONLY
@options.SKIP
@options.WITHIN
def check(
    recording: Path, form: str, out: Path | None, only: tuple[str, ...], skip: tuple[str, ...], tolerance: float
) -> None:
    """Check a recording (JSON Lines) without sending anything."""
    chosen = options.choose(only, skip)
    found = options.read_file(recording, "it holds no call and no callback attempt, so there is nothing to check")
    report = Report(tuple(judge(found.events, chosen, tolerance)), found.events, recording=found.header)
    options.finish(report, found.header.base_url, form, out)


@main.command("drift", short_help="Compare a recording with the emulator.", epilog=exit_codes_of("drift"))
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
    """Replay a recording against the emulator, and list the differences of the answers.

    Nothing is sent over the network. A difference is critical if clients would notice it, a warning if they should know
    it, and information if both answers are right.
    """
    read = options.read_file(recording, _NOTHING_COMPARED)
    try:
        with (
            find_provider().made(None, {}) as app,
            Target(AsgiTransport(app), "sk-drift") as target,
        ):
            found = drift(target, read.events, tolerance)
    except ServiceUnusable as error:
        options.fail(str(error))
    options.put(drift_report.FORMATS[form](found, read.header), out)
    if not found.covered:
        options.fail(f"{recording}: {_NOTHING_COMPARED}")
    sys.exit(Exit.FAILED if found.critical else Exit.PASSED)


@main.command(
    "receiver",
    short_help="Check a receiver of callbacks.",
    epilog=f"{receiver.LIMITS} {_TRUST} {exit_codes_of('receiver')}",
)
@click.option("--target", required=True, metavar="URL", help="URL of the receiver to check.")
@click.option("--task", default=UNKNOWN_ID, metavar="ID", help="Id of a task that your application knows.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def receiver_command(target: str, task: str, as_json: bool) -> None:
    """Send callbacks of every kind to a receiver of yours, and check its answers."""
    receiver.execute(target, task, as_json=as_json)


@main.command("selftest", short_help="Test the kit with broken emulators.", epilog=exit_codes_of("selftest"))
@click.argument("names", nargs=-1, metavar="[MUTANT]...")
def selftest_command(names: tuple[str, ...]) -> None:
    """Run the kit against every mutant of an emulator; each must be caught by the promise that it breaks."""
    try:
        provider = find_provider()
    except ServiceUnusable as error:
        options.fail(str(error))
    unknown = set(names) - {mutant.name for mutant in provider.mutants}
    if unknown:
        raise click.BadParameter(f"there is no mutant {', '.join(sorted(unknown))}")
    missed = 0
    for trial in selftest(names or None):
        missed += not trial.passed
        click.echo(f"{'✓' if trial.passed else '✗'} {_trial_text(trial)}")
    sys.exit(Exit.FAILED if missed else Exit.PASSED)


def _trial_text(trial: Trial) -> str:
    if trial.name is None:
        problems = [*trial.caught_by, *(f"{number} was not covered" for number in trial.not_covered)]
        return f"the unmodified emulator: {', '.join(problems) or 'every promise passed'}"
    others = [number for number in trial.caught_by if number != trial.breaks]
    also = f", and by {', '.join(others)}" if others else ""
    verb = "caught by" if trial.passed else "NOT caught by"
    return f"{trial.name} ({trial.description}): {verb} {trial.breaks}{also}"


@main.command("promises", short_help="List every promise with its source.", epilog=exit_codes_of("promises"))
def promises_command() -> None:
    """List every promise with its source, basis and severity, and every documented sentence that no promise tests."""
    for promise in PROMISES:
        click.echo(f"{promise.number} {promise.name}: {promise.statement} {bracket(promise)}")
    click.echo("\nNot checkable, or not all of it:")
    for sentence in SENTENCES:
        if sentence.why:
            click.echo(f"- {sentence.page}: {sentence.says} {sentence.why[0].upper()}{sentence.why[1:]}.")
    # For people alone: programs read the list.
    click.echo("\n" + "\n".join(legend_lines(PROMISES)), err=True)
