"""The `evolink-contracts` command: judge a service, a recording, or the kit itself."""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

import click

from evolink_contracts.carriers import Network, NoReply
from evolink_contracts.history import TOLERANCE
from evolink_contracts.hook import ORIGIN, Hook
from evolink_contracts.invariants import invariants, judge
from evolink_contracts.listener import Certificate, Listener
from evolink_contracts.probes import Profile
from evolink_contracts.profiles import opened, plan
from evolink_contracts.progress import telling
from evolink_contracts.receiver import UNKNOWN_ID, check_receiver
from evolink_contracts.reports import FORMATS
from evolink_contracts.runner import Report, run
from evolink_contracts.selftest import offered, selftest
from evolink_contracts.spending import Overspent, Purse
from evolink_contracts.target import Unusable
from evolink_contracts.trace import NoTrace, read_trace, write_trace
from evolink_contracts.wall import Wall

_BASE_URL = click.option(
    "--base-url", envvar="EVOLINK_BASE_URL", required=True, metavar="URL", help="The service that is judged."
)
_API_KEY = click.option(
    "--api-key", envvar="EVOLINK_API_KEY", required=True, metavar="KEY", help="[or EVOLINK_API_KEY]"
)
_FORMAT = click.option("--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True)
_FILE = click.Path(dir_okay=False, path_type=Path)
_PEM = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUT = click.option("--out", type=_FILE, metavar="FILE", help="Write it there.")
_ONLY = click.option(
    "--only", multiple=True, metavar="PROMISE", help="Judge these alone, by number or name; may be repeated."
)
_SKIP = click.option(
    "--skip", multiple=True, metavar="PROMISE", help="Do not judge these, by number or name; may be repeated."
)
_TOLERANCE = click.option(
    "--tolerance",
    type=click.FloatRange(0),
    default=TOLERANCE,
    show_default=True,
    metavar="SECONDS",
    help="By how much gaps and time-outs of callbacks may differ.",
)


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
@_SKIP
@_TOLERANCE
@click.option(
    "--profile",
    type=click.Choice(get_args(Profile)),
    default="emulator",
    show_default=True,
    help="live-safe: reads, and creates that lack a required field; it stops at the first that is accepted. "
    "live: buys a few short videos as well, within --max-credits.",
)
@click.option("--max-credits", type=click.FloatRange(0), metavar="N", help="live: what it may cost at worst.")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    metavar="N",
    help="live: what a second of video costs at most. [default: inferred prices, until the first create shows its own]",
)
@click.option("--image", metavar="URL", help="live: a picture that the service can fetch; without one, tasks may fail.")
@click.option("--hook", metavar="ORIGIN", help="Under which https origin callbacks are asked for.")
@click.option("--listen", metavar="HOST:PORT", help="Where callbacks for --hook arrive, by a route or a tunnel.")
@click.option("--certificate", type=_PEM, nargs=2, metavar="CHAIN KEY", help="Listen by HTTPS with these PEM files.")
@click.option(
    "--callbacks",
    type=click.Choice(["look", "yes", "no"]),
    default="look",
    show_default=True,
    help="Do callbacks reach --listen? look: an emulator is asked for one, else --hook is called from here.",
)
@click.option("--trace", type=_FILE, metavar="FILE", help="Record what happens.")
def run_command(
    base_url: str,
    api_key: str,
    form: str,
    out: Path | None,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    tolerance: float,
    profile: Profile,
    max_credits: float | None,
    rate: float | None,
    image: str | None,
    hook: str | None,
    listen: str | None,
    certificate: tuple[Path, Path] | None,
    callbacks: str,
    trace: Path | None,
) -> None:
    """Play probes to a service, and judge it by what comes back."""
    chosen = _chosen(only, skip)
    if (profile == "live") != (max_credits is not None):
        raise click.UsageError("--profile live needs --max-credits, and no other profile does")
    purse = None if max_credits is None else Purse(max_credits, rate)
    with ExitStack() as stack:
        wall = Wall()
        heard = None if listen is None else _listening(stack, wall, hook, listen, certificate)
        try:
            target = opened(
                profile,
                Network(base_url),
                api_key,
                hook=heard,
                reached={"yes": True, "no": False}.get(callbacks),
                purse=purse,
                given={} if image is None else {"image_urls": [image]},
                token=os.environ.get("EVOLINK_MOCK_CONTROL_TOKEN", ""),
                wall=wall,
            )
            stack.enter_context(target)
            probes, costs = plan(target, profile, purse)
            if costs:
                click.echo(costs, err=True)
            report = run(target, chosen, probes, stack.enter_context(telling(len(probes))), tolerance)
        except Overspent as error:
            click.echo(f"Error: {error}; nothing was bought", err=True)
            sys.exit(2)
        except Unusable as error:
            click.echo(f"Error: {base_url}: {error}", err=True)
            sys.exit(3)
    if trace is not None:
        trace.write_text("".join(f"{line}\n" for line in write_trace(report.trace)), encoding="utf-8")
    _say(report, base_url, form, out)


def _listening(
    stack: ExitStack, wall: Wall, origin: str | None, listen: str, certificate: tuple[Path, Path] | None
) -> Hook:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"--listen must be such as 127.0.0.1:9000; got {listen!r}")
    hook = Hook(ORIGIN if origin is None else origin.rstrip("/"), wall.now)
    try:
        files = None if certificate is None else Certificate(*certificate)
        listener = stack.enter_context(Listener(hook, host.strip("[]"), int(port), files))
    except OSError as error:
        raise click.BadParameter(f"--listen {listen}: {error}") from None
    click.echo(f"Callbacks to {hook.origin} are heard at {listener.place}", err=True)
    return hook


@main.command()
@click.argument("recording", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_FORMAT
@_OUT
@_ONLY
@_SKIP
@_TOLERANCE
def check(
    recording: Path, form: str, out: Path | None, only: tuple[str, ...], skip: tuple[str, ...], tolerance: float
) -> None:
    """Judge a recording (JSON Lines), and send nothing."""
    chosen = _chosen(only, skip)
    try:
        with recording.open(encoding="utf-8") as lines:
            events = read_trace(lines)
    except (NoTrace, UnicodeDecodeError) as error:
        click.echo(f"Error: {recording}: {error}", err=True)
        sys.exit(3)
    _say(Report(tuple(judge(events, chosen, tolerance)), events), "https://api.evolink.ai", form, out)


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
        click.echo(
            f"{promise.number} {promise.name}: {promise.statement} "
            f"[{promise.source}, {promise.basis}, {promise.severity}]"
        )


def _chosen(only: Sequence[str], skip: Sequence[str]) -> Sequence[str]:
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


def _say(report: Report, base_url: str, form: str, out: Path | None) -> None:
    text = FORMATS[form](report, base_url)
    if out is None:
        click.echo(text)
    else:
        out.write_text(text, encoding="utf-8")
    if report.stopped:
        click.echo(f"Error: {report.stopped}", err=True)
    sys.exit(1 if report.broken else 3 if report.stopped else 0)
