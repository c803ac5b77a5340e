"""How a service is opened by its kind: an emulator, which costs nothing, or a live one, which does."""

from collections.abc import Mapping
from typing import Any

from evolink_contracts.reference.boundary_requests import valid
from evolink_contracts.runs.probes import Probe, Profile, played
from evolink_contracts.runs.runner import playable
from evolink_contracts.target.budget import Guard, Harmless, Purse
from evolink_contracts.target.target import Target, Unusable
from evolink_contracts.target.transports import Carrier
from evolink_contracts.target.wall_clock import Wall
from evolink_contracts.target.webhook import Hook


def opened(
    profile: Profile,
    carrier: Carrier,
    key: str,
    *,
    hook: Hook | None = None,
    reached: bool | None = None,
    purse: Purse | None = None,
    given: Mapping[str, Any] | None = None,
    token: str = "",
    wall: Wall | None = None,
) -> Target:
    """A target, guarded as its profile wants it; `purse` is for `live`. Raises `Unusable` for what is no emulator."""
    guards: Mapping[Profile, Guard | None] = {"emulator": None, "live-safe": Harmless(), "live": purse}
    target = Target(
        carrier,
        key,
        hook=hook,
        reached=reached,
        guard=guards[profile],
        given=given,
        token=token,
        steered=profile == "emulator",
        wall=wall,
    )
    if profile == "emulator" and "control" not in target.can:
        raise Unusable(
            "it has no control API, as emulators have, or wants a token for it (EVOLINK_MOCK_CONTROL_TOKEN); "
            "--profile live-safe sends it nothing that costs credits, and evolink-contracts check judges a recording"
        )
    return target


def plan(target: Target, profile: Profile, purse: Purse | None = None) -> tuple[list[Probe], str]:
    """The probes of a profile, and in a sentence what they cost at worst. Raises `Overspent` where that is too much."""
    probes = played(profile)
    if purse is None:
        return probes, ""
    buys = [valid() | dict(body) for probe in playable(target, probes) for body in probe.buys]
    worst = sum(map(purse.worst, buys))
    says = (
        f"At worst this costs {worst:g} credits, for {len(buys)} creates of 2 s; --max-credits allows {purse.limit:g}"
    )
    purse.afford(buys)
    return probes, says
