"""`evolink-contracts run`: opens a service by its profile, runs probes and histories, and checks the trace."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from evolink_contracts.cli import options
from evolink_contracts.cli.exit_codes import Exit
from evolink_contracts.cli.run_options import RunOptions
from evolink_contracts.reference.errors import BudgetExceeded, ForeignEncoding, InvalidHistory, ServiceUnusable
from evolink_contracts.reference.text_files import read_utf8
from evolink_contracts.reporting.progress import Progress, show_progress
from evolink_contracts.reporting.sentences import clean
from evolink_contracts.runs.profiles import open_target, plan
from evolink_contracts.runs.runner import Report, run
from evolink_contracts.stateful.actions import Step
from evolink_contracts.stateful.search import FailedHistory, SearchResult, replay, search
from evolink_contracts.stateful.session import Criteria
from evolink_contracts.stateful.steps import read_steps
from evolink_contracts.target.budget import Budget
from evolink_contracts.target.listener import Certificate, Listener
from evolink_contracts.target.target import Target, TargetOptions
from evolink_contracts.target.transports import HttpTransport
from evolink_contracts.target.wall_clock import WallClock
from evolink_contracts.target.webhook import ORIGIN, Webhook
from evolink_contracts.trace.header import Header, without_secrets
from evolink_contracts.trace.json_lines import write_trace


@dataclass(frozen=True)
class _Prepared:
    """The options that are checked and read before anything is sent."""

    criteria: Criteria
    steps: list[Step] | None
    budget: Budget | None


def execute(chosen: RunOptions) -> None:
    """Run the command, and exit with its code."""
    prepared = _prepare(chosen)
    _warn_of_secrets(chosen)
    base_url, wall = without_secrets(chosen.base_url), WallClock()
    header = Header(base_url, wall.date())
    with ExitStack() as stack:
        webhook = None if chosen.listen is None else _listen(stack, wall, chosen, chosen.listen)
        try:
            report = _check(stack, chosen, prepared, webhook, wall)
        except BudgetExceeded as error:
            click.echo(f"Error: {clean(str(error))}; nothing was bought", err=True)
            sys.exit(Exit.USAGE)
        except ServiceUnusable as error:
            control_url = without_secrets(chosen.control_url or "")
            options.fail(f"{f'--control-url {control_url}' if error.of_control else base_url}: {error}")
    if webhook is not None and webhook.unknown_requests:
        click.echo(f"{webhook.unknown_requests} requests of no callback URL arrived at --listen, and got 404", err=True)
    saved = _save(chosen, report, header)
    options.finish(report, base_url, chosen.form, chosen.out, lost=not saved)


def _prepare(chosen: RunOptions) -> _Prepared:
    criteria = Criteria(options.choose(chosen.only, chosen.skip), chosen.tolerance)
    chosen.check()
    steps = None if chosen.replay is None else _steps(chosen.replay)
    budget = None if chosen.max_credits is None else _budget(chosen.max_credits, chosen.rate)
    return _Prepared(criteria, steps, budget)


def _warn_of_secrets(chosen: RunOptions) -> None:
    for option, url in (("--base-url", chosen.base_url), ("--control-url", chosen.control_url or "")):
        if without_secrets(url) != url.rstrip("/"):
            click.echo(f"Warning: {option}: credentials, a query and a fragment in the URL are not sent", err=True)


def _check(
    stack: ExitStack, chosen: RunOptions, prepared: _Prepared, webhook: Webhook | None, wall: WallClock
) -> Report:
    target_options = TargetOptions(
        token=os.environ.get("EVOLINK_MOCK_CONTROL_TOKEN", ""),
        callbacks_arrive={"yes": True, "no": False}.get(chosen.callbacks),
        defaults={} if chosen.image is None else {"image_urls": [chosen.image]},
        base_url=chosen.base_url,
        control_url=chosen.control_url or "",
    )
    control = None if chosen.control_url is None else HttpTransport(chosen.control_url)
    transport, budget = HttpTransport(chosen.base_url), prepared.budget
    target = open_target(
        chosen.profile,
        transport,
        chosen.api_key,
        target_options,
        webhook=webhook,
        budget=budget,
        wall=wall,
        control=control,
    )
    stack.enter_context(target)
    probes, cost = ([], "") if prepared.steps is not None else plan(target, chosen.profile, budget)
    if cost:
        click.echo(f"{cost}{', which the histories may spend' if chosen.histories else ''}", err=True)
    progress = stack.enter_context(show_progress(len(probes) + bool(chosen.histories)))
    return run(
        target,
        prepared.criteria.promises,
        probes,
        lambda probe: progress.begin(f"{probe.name}: {probe.description}"),
        chosen.tolerance,
        _explorer(chosen, prepared, progress),
    )


def _explorer(chosen: RunOptions, prepared: _Prepared, progress: Progress) -> Callable[[Target], SearchResult] | None:
    """The histories that are played after the probes: a saved one, random ones, or none."""
    steps, criteria, count = prepared.steps, prepared.criteria, chosen.histories
    if steps is not None:
        return lambda target: replay(target, steps, criteria)
    if not count:
        return None

    def explore(target: Target) -> SearchResult:
        progress.begin(f"histories: runs {count:,}, and shrinks the first that fails")

        def tell(played: int) -> None:
            progress.update(f"histories: {played:,} run")

        return search(target, count, chosen.seed, criteria=criteria, tell=tell)

    return explore


def _save(chosen: RunOptions, report: Report, header: Header) -> bool:
    """Write the trace and the failed history, where that was requested; whether all of it was written."""
    saved = []
    if chosen.trace is not None:
        saved.append(options.written("".join(f"{line}\n" for line in write_trace(report.trace, header)), chosen.trace))
    if chosen.save is not None and report.failure is not None:
        saved.append(options.written(_history_json(report.failure, header), chosen.save))
    return all(saved)


def _history_json(failure: FailedHistory, header: Header) -> str:
    return json.dumps({**asdict(header), "says": failure.says, "steps": failure.steps}, indent=2) + "\n"


def _budget(limit: float, rate: float | None) -> Budget:
    try:
        return Budget(limit, rate)
    except ValueError as error:
        raise click.UsageError(f"--max-credits or --rate: {error}") from None


def _steps(saved: Path) -> list[Step]:
    try:
        steps = read_steps(read_utf8(saved))
    except (InvalidHistory, ForeignEncoding) as error:
        raise click.BadParameter(f"--replay {saved}: {error}") from None
    if not steps:
        options.fail(f"--replay {saved}: the history has no step, so there is nothing to check")
    return steps


def _listen(stack: ExitStack, wall: WallClock, chosen: RunOptions, listen: str) -> Webhook:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port[-6:]) > 65535 or len(port) > 5:
        raise click.BadParameter(f"--listen must be such as 127.0.0.1:9000; got {listen!r}")
    origin = ORIGIN if chosen.webhook is None else chosen.webhook.rstrip("/")
    webhook = Webhook(origin, wall.now, public=True)
    try:
        files = None if chosen.certificate is None else Certificate(*chosen.certificate)
        listener = stack.enter_context(Listener(webhook, host.strip("[]"), int(port), files))
    except OSError as error:
        raise click.BadParameter(f"--listen {listen}: {error}") from None
    webhook.address = f"--listen {listener.url}"
    click.echo(f"Callbacks to {webhook.origin} are received at {listener.url}", err=True)
    return webhook
