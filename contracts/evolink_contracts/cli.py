"""The `evolink-contracts` command: judge a service, a recording, or the kit itself."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click

from evolink_contracts.carriers import Network, NoReply
from evolink_contracts.invariants import invariants, judge
from evolink_contracts.probes import PROBES
from evolink_contracts.receiver import UNKNOWN_ID, check_receiver
from evolink_contracts.reports import FORMATS
from evolink_contracts.runner import Report, run
from evolink_contracts.selftest import offered, selftest
from evolink_contracts.target import Target, Unusable
from evolink_contracts.trace import NoTrace, read_trace, write_trace

_BASE_URL = click.option(
    "--base-url", envvar="EVOLINK_BASE_URL", required=True, metavar="URL", help="The emulator that is judged."
)
_API_KEY = click.option(
    "--api-key", envvar="EVOLINK_API_KEY", required=True, metavar="KEY", help="[or EVOLINK_API_KEY]"
)
_FORMAT = click.option("--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True)
_OUT = click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it there.")
_ONLY = click.option("--only", multiple=True, metavar="VC-…", help="Judge these promises alone; may be repeated.")


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 every promise that was seen held, 1 one was broken, 2 wrong call, 3 the service or the "
    "recording could not be judged.",
)
@click.version_option(package_name="evolink-devkit", prog_name="evolink-contracts")
def main() -> None:
    """Does a service keep what EvoLink's documentation promises?"""


@main.command("run")
@_BASE_URL
@_API_KEY
@_FORMAT
@_OUT
@_ONLY
@click.option(
    "--profile",
    type=click.Choice(["emulator", "live-safe"]),
    default="emulator",
    show_default=True,
    help="live-safe: reads, and creates that lack a required field; it stops at the first that is accepted.",
)
@click.option("--trace", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Record what happens.")
def run_command(
    base_url: str, api_key: str, form: str, out: Path | None, only: tuple[str, ...], profile: str, trace: Path | None
) -> None:
    """Play probes to a service, and judge it by what comes back."""
    chosen, harmless = _chosen(only), profile == "live-safe"
    probes = [probe for probe in PROBES if not (harmless and probe.spends)]
    try:
        with Target(Network(base_url), api_key, harmless=harmless) as target:
            if "control" not in target.can and not harmless:
                raise Unusable(
                    f"{base_url} has no control API, as emulators have; --profile live-safe sends it nothing that "
                    "costs credits, and evolink-contracts check judges a recording"
                )
            report = run(target, chosen, probes, lambda text: click.echo(f"  {text}", err=True))
    except Unusable as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(3)
    if trace is not None:
        trace.write_text("".join(f"{line}\n" for line in write_trace(report.trace)), encoding="utf-8")
    _say(report, base_url, form, out)


@main.command()
@click.argument("recording", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_FORMAT
@_OUT
@_ONLY
def check(recording: Path, form: str, out: Path | None, only: tuple[str, ...]) -> None:
    """Judge a recording (JSON Lines), and send nothing."""
    chosen = _chosen(only)
    try:
        with recording.open(encoding="utf-8") as lines:
            events = read_trace(lines)
    except (NoTrace, UnicodeDecodeError) as error:
        click.echo(f"Error: {recording}: {error}", err=True)
        sys.exit(3)
    _say(Report(tuple(judge(events, chosen)), events), "https://api.evolink.ai", form, out)


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
    """List every promise with its source and how well it is known."""
    for promise in invariants().values():
        click.echo(f"{promise.number} {promise.statement} [{promise.source}, {promise.basis}, {promise.severity}]")


def _chosen(only: Sequence[str]) -> Sequence[str] | None:
    unknown = set(only) - invariants().keys()
    if unknown:
        raise click.BadParameter(
            f"there is no promise {', '.join(sorted(unknown))}; evolink-contracts promises lists them"
        )
    return only or None


def _say(report: Report, base_url: str, form: str, out: Path | None) -> None:
    text = FORMATS[form](report, base_url)
    if out is None:
        click.echo(text)
    else:
        out.write_text(text, encoding="utf-8")
    sys.exit(1 if report.broken else 0)
