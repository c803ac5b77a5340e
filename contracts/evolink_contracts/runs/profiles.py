"""Profiles: how a service is opened and which probes it gets, as an emulator, or as a live and paid service."""

from dataclasses import replace

from evolink_contracts.reference.boundary_requests import minimal_request
from evolink_contracts.reference.errors import ServiceUnusable
from evolink_contracts.reference.numbers import credits_text
from evolink_contracts.runs.probe import Probe, Profile
from evolink_contracts.runs.probes import probes_of
from evolink_contracts.runs.runner import playable
from evolink_contracts.target.budget import Budget
from evolink_contracts.target.diagnosis import KEY_REFUSED, credits_trouble, wrong_base_url
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
    control: Transport | None = None,
) -> Target:
    """A target with the guard of its profile. `budget` is for `live`; `control` is a transport to the control API, if
    that has its own address.

    Raises `ServiceUnusable` for a service that is no emulator under the profile `emulator`, for a key that the service
    refuses under `live`, and for a base URL that ends in `/v1` if nothing answers there.
    """
    guards: dict[Profile, Guard | None] = {"emulator": None, "live-safe": NoPurchases(), "live": budget}
    options = replace(options, use_control=profile == "emulator")
    target = Target(transport, key, options, webhook=webhook, guard=guards[profile], wall=wall, control=control)
    of_control = _control_trouble(target) if profile == "emulator" else ""
    trouble = of_control or _api_trouble(target, options.base_url, buys=profile == "live")
    if trouble:
        with target:
            raise ServiceUnusable(trouble, of_control=bool(of_control) and target.control.is_apart)
    return target


def _api_trouble(target: Target, base_url: str, *, buys: bool) -> str:
    """Why no call can reach the API at a base URL that ends in `/v1`, or why nothing can be bought; empty otherwise."""
    if not buys and not wrong_base_url(base_url):
        return ""
    response = target.try_credits()
    return KEY_REFUSED if buys and response.status == 401 else credits_trouble(response, base_url)


def _control_trouble(target: Target) -> str:
    """Why a service cannot be checked as an emulator; empty if it can."""
    if "control" in target.can:
        return ""
    why = target.why_missing("control")
    if "no control API" not in why:
        return why
    if target.control.is_apart:
        return f"{why}; --control-url must be the address of the emulator itself"
    return (
        f"{why}; --control-url is the emulator's own address if this is a proxy, --profile live-safe sends it "
        "nothing that costs credits, and evolink-contracts check needs only a recording"
    )


def plan(target: Target, profile: Profile, budget: Budget | None = None) -> tuple[list[Probe], str]:
    """The probes of a profile, and a sentence about their highest cost. Raises `BudgetExceeded` if that is too much."""
    probes = probes_of(profile)
    if budget is None:
        return probes, ""
    creates = [minimal_request() | dict(body) for probe in playable(target, probes) for body in probe.purchases]
    worst = sum(map(budget.highest_price, creates))
    says = (
        f"At worst this costs {credits_text(worst)} credits, for {len(creates)} creates of 2 s; "
        f"--max-credits allows {credits_text(budget.limit)}"
    )
    budget.require(creates)
    return probes, says
