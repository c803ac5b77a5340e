"""Profiles: how a service is opened and what is played to it, if it is an emulator, or live and paid."""

from dataclasses import replace

from evolink_contracts.reference.boundary_requests import minimal_request
from evolink_contracts.reference.errors import ServiceUnusable
from evolink_contracts.runs.probe import Probe, Profile
from evolink_contracts.runs.probes import probes_of
from evolink_contracts.runs.runner import playable
from evolink_contracts.target.budget import Budget
from evolink_contracts.target.guard import Guard, NoPurchases
from evolink_contracts.target.target import DEFAULT_OPTIONS, Target, TargetOptions
from evolink_contracts.target.transports import Transport
from evolink_contracts.target.wall_clock import WallClock
from evolink_contracts.target.webhook import Webhook


def open_target(
    profile: Profile,
    transport: Transport,
    key: str,
    options: TargetOptions = DEFAULT_OPTIONS,
    *,
    webhook: Webhook | None = None,
    budget: Budget | None = None,
    wall: WallClock | None = None,
) -> Target:
    """A target with the guard of its profile; `budget` is for `live`. Raises `ServiceUnusable` for a service that is
    no emulator under the profile `emulator`.
    """
    guards: dict[Profile, Guard | None] = {"emulator": None, "live-safe": NoPurchases(), "live": budget}
    options = replace(options, use_control=profile == "emulator")
    target = Target(transport, key, options, webhook=webhook, guard=guards[profile], wall=wall)
    if profile == "emulator" and "control" not in target.can:
        raise ServiceUnusable(
            "it has no control API, as emulators have, or wants a token for it (EVOLINK_MOCK_CONTROL_TOKEN); "
            "--profile live-safe sends it nothing that costs credits, and evolink-contracts check judges a recording"
        )
    return target


def plan(target: Target, profile: Profile, budget: Budget | None = None) -> tuple[list[Probe], str]:
    """The probes of a profile, and a sentence about their highest cost. Raises `BudgetExceeded` if that is too much."""
    probes = probes_of(profile)
    if budget is None:
        return probes, ""
    creates = [minimal_request() | dict(body) for probe in playable(target, probes) for body in probe.purchases]
    worst = sum(map(budget.highest_price, creates))
    says = (
        f"At worst this costs {worst:g} credits, for {len(creates)} creates of 2 s; "
        f"--max-credits allows {budget.limit:g}"
    )
    budget.require(creates)
    return probes, says
