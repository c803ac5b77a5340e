"""`evolink-contracts run`: a service is opened as its kind wants it, played to, and judged."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import click

from evolink_contracts.cli import options
from evolink_contracts.reporting.progress import Teller, telling
from evolink_contracts.runs.probes import Profile
from evolink_contracts.runs.profiles import opened, plan
from evolink_contracts.runs.runner import run
from evolink_contracts.stateful.search import Failure, Searched, replay, search
from evolink_contracts.stateful.steps import Judges, NoSteps, Step, read_steps
from evolink_contracts.target.budget import Overspent, Purse
from evolink_contracts.target.listener import Certificate, Listener
from evolink_contracts.target.target import Target, Unusable
from evolink_contracts.target.transports import Network
from evolink_contracts.target.wall_clock import Wall
from evolink_contracts.target.webhook import ORIGIN, Hook
from evolink_contracts.trace.events import write_trace

_BASE_URL = click.option(
    "--base-url", envvar="EVOLINK_BASE_URL", required=True, metavar="URL", help="The service that is judged."
)
_API_KEY = click.option(
    "--api-key", envvar="EVOLINK_API_KEY", required=True, metavar="KEY", help="[or EVOLINK_API_KEY]"
)


@click.command("run")
@_BASE_URL
@_API_KEY
@options.FORMAT
@options.OUT
@options.ONLY
@options.SKIP
@options.WITHIN
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
@click.option(
    "--histories", type=click.IntRange(0, 100_000), default=0, metavar="N", help="Play so many random histories too."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The luck of the histories.")
@click.option("--save", type=options.FILE, metavar="FILE", help="Keep the history that broke a promise there.")
@click.option("--replay", "again", type=options.RECORDING, metavar="FILE", help="Play that history, and nothing else.")
@click.option("--hook", metavar="ORIGIN", help="Under which https origin callbacks are asked for.")
@click.option("--listen", metavar="HOST:PORT", help="Where callbacks for --hook arrive, by a route or a tunnel.")
@click.option(
    "--certificate", type=options.RECORDING, nargs=2, metavar="CHAIN KEY", help="Listen by HTTPS with these PEM files."
)
@click.option(
    "--callbacks",
    type=click.Choice(["look", "yes", "no"]),
    default="look",
    show_default=True,
    help="Do callbacks reach --listen? look: an emulator is asked for one, else --hook is called from here.",
)
@click.option("--trace", type=options.FILE, metavar="FILE", help="Record what happens.")
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
    histories: int,
    seed: int,
    save: Path | None,
    again: Path | None,
    hook: str | None,
    listen: str | None,
    certificate: tuple[Path, Path] | None,
    callbacks: str,
    trace: Path | None,
) -> None:
    """Play probes to a service, and judge it by what comes back."""
    chosen = options.choose(only, skip)
    if (profile == "live") != (max_credits is not None):
        raise click.UsageError("--profile live needs --max-credits, and no other profile does")
    if profile == "live-safe" and (histories or again):
        raise click.UsageError("--profile live-safe plays no histories, since their creates are accepted")
    if histories and find_spec("hypothesis") is None:
        raise click.UsageError("--histories needs Hypothesis: pip install 'evolink-devkit[contracts]'")
    steps = None if again is None else _steps(again)
    purse = None if max_credits is None else _purse(max_credits, rate)
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
            probes, costs = ([], "") if steps is not None else plan(target, profile, purse)
            if costs:
                click.echo(f"{costs}{', which histories may use up' if histories else ''}", err=True)
            teller = stack.enter_context(telling(len(probes) + bool(histories)))
            explore = _explore(histories, seed, steps, Judges(chosen, tolerance), teller)
            report = run(
                target,
                chosen,
                probes,
                lambda probe: teller.begin(f"{probe.name}: {probe.does}"),
                tolerance,
                explore,
            )
        except Overspent as error:
            click.echo(f"Error: {error}; nothing was bought", err=True)
            sys.exit(2)
        except Unusable as error:
            click.echo(f"Error: {base_url}: {error}", err=True)
            sys.exit(3)
    if heard is not None and heard.strangers:
        click.echo(f"{heard.strangers} requests that nobody here had asked for came to --listen, and got 404", err=True)
    kept = []
    if trace is not None:
        kept.append(options.written("".join(f"{line}\n" for line in write_trace(report.trace)), trace))
    if save is not None and report.failure is not None:
        kept.append(options.written(_kept(report.failure), save))
    options.say(report, base_url, form, out, lost=not all(kept))


def _purse(limit: float, rate: float | None) -> Purse:
    try:
        return Purse(limit, rate)
    except ValueError as error:
        raise click.UsageError(f"--max-credits or --rate: {error}") from None


def _steps(saved: Path) -> list[Step]:
    try:
        return read_steps(saved.read_text(encoding="utf-8"))
    except (NoSteps, UnicodeDecodeError) as error:
        raise click.BadParameter(f"--replay {saved}: {error}") from None


def _kept(failure: Failure) -> str:
    kept = {"says": failure.says, "steps": failure.steps}
    return json.dumps(kept, indent=2) + "\n"


def _explore(
    histories: int, seed: int, steps: list[Step] | None, judges: Judges, teller: Teller
) -> Callable[[Target], Searched] | None:
    """What is played after the probes: random histories, or one that was saved."""
    if steps is not None:
        return lambda target: replay(target, steps, judges)
    if not histories:
        return None

    def explore(target: Target) -> Searched:
        teller.begin(f"histories: plays {histories:,}, and makes the first that fails as short as it can be")

        def tell(played: int) -> None:
            teller.go_on(f"histories: {played:,} played")

        return search(target, histories, seed, judges=judges, tell=tell)

    return explore


def _listening(
    stack: ExitStack, wall: Wall, origin: str | None, listen: str, certificate: tuple[Path, Path] | None
) -> Hook:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"--listen must be such as 127.0.0.1:9000; got {listen!r}")
    hook = Hook(ORIGIN if origin is None else origin.rstrip("/"), wall.now, public=True)
    try:
        files = None if certificate is None else Certificate(*certificate)
        listener = stack.enter_context(Listener(hook, host.strip("[]"), int(port), files))
    except OSError as error:
        raise click.BadParameter(f"--listen {listen}: {error}") from None
    click.echo(f"Callbacks to {hook.origin} are heard at {listener.place}", err=True)
    return hook
