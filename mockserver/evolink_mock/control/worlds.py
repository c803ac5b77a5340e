"""Control calls of worlds: lists, resets and reseeds them, and sets their credits."""

from typing import Annotated

import msgspec

from evolink_mock.clock import yield_to_loop
from evolink_mock.control.endpoint import ControlCall, ControlError, ControlRequest, parse_body
from evolink_mock.control.redacted_rows import Redacted, show_worlds
from evolink_mock.control.world_selection import show_identity
from evolink_mock.core.billing import MAX_BALANCE
from evolink_mock.core.duration import to_seconds
from evolink_mock.core.task import to_credits, to_units
from evolink_mock.worlds.registry import WorldRegistry
from evolink_mock.worlds.slices import WORLD_SLICE
from evolink_mock.worlds.view import WorldView
from evolink_mock.worlds.world import World

_CHANGES = '{"reset": true}, {"seed": 7}, {"balance": 20}, {"balance": null} or {"top_up": 10}'


class WorldChange(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /__mock/worlds`.

    `reset` starts the world anew; `seed` alone changes the ids and random draws of later tasks. `balance` sets the
    remaining credits, where `null` removes the limit; `top_up` adds to them.
    """

    reset: Annotated[bool, msgspec.Meta(description="remove tasks, journal, queued scenarios and charges")] = False
    seed: Annotated[int | None, msgspec.Meta(description="seed of later ids and random draws")] = None
    balance: Annotated[
        float | msgspec.UnsetType | None, msgspec.Meta(description="remaining credits; null removes the limit")
    ] = msgspec.UNSET
    top_up: Annotated[float | None, msgspec.Meta(description="credits to add")] = None


class WorldCalls:
    """The calls of `/__mock/worlds`."""

    def __init__(self, worlds: WorldRegistry) -> None:
        self._worlds = worlds

    def table(self) -> tuple[ControlCall, ...]:
        return (
            ControlCall("GET", "/worlds", "the key's world: clock, seed, number of tasks, credits", self._list),
            ControlCall("POST", "/worlds", f"reset, reseed or set credits: {_CHANGES}", self._change, body=WorldChange),
        )

    async def _list(self, request: ControlRequest) -> object:
        return Redacted({"worlds": await show_worlds(request.worlds, show_world)})

    async def _change(self, request: ControlRequest) -> object:
        change = parse_change(request.body)
        for place, world in enumerate(request.worlds if change.top_up is not None else (), 1):
            _check_top_up(world, change)
            if place % WORLD_SLICE == 0:
                await yield_to_loop()
        for place, world in enumerate(request.worlds, 1):
            await self._apply(world, change)
            if place % WORLD_SLICE == 0:
                await yield_to_loop()
        return await self._list(request)

    async def _apply(self, world: World, change: WorldChange) -> None:
        if change.reset:
            self._worlds.reset(world, change.seed)
        elif change.seed is not None:
            world.reseed(change.seed)
        view = await world.settled_view()
        if not isinstance(change.balance, msgspec.UnsetType):
            remaining = None if change.balance is None else to_units(change.balance)
            world.change_balance(view.ledger.limited_to(remaining))
        if change.top_up is not None:
            world.change_balance(world.view().ledger.topped_up(to_units(change.top_up)))


def parse_change(body: bytes) -> WorldChange:
    """A change within its bounds that changes something. Raises `ControlError`."""
    change = parse_body(body, WorldChange)
    if not change.reset and change.seed is None and change.balance is msgspec.UNSET and change.top_up is None:
        raise ControlError(400, "invalid_body", f"Give one or more of {_CHANGES}")
    for amount in (change.balance, change.top_up):
        if isinstance(amount, float) and not 0 <= amount <= MAX_BALANCE:
            raise ControlError(400, "invalid_body", f"credits must be from 0 to {MAX_BALANCE:,}; got {amount}")
    if change.seed is not None and not 0 <= change.seed < 2**63:
        raise ControlError(400, "invalid_body", "seed must be from 0 to 2^63 - 1")
    return change


def _check_top_up(world: World, change: WorldChange) -> None:
    """Raises `ControlError` where a world would have too many credits, before anything is changed."""
    if not isinstance(change.balance, msgspec.UnsetType):
        balance = change.balance
    elif change.reset:
        balance = None if world.grant.balance is None else to_credits(world.grant.balance)
    else:
        ledger = world.view().ledger
        balance = None if ledger.balance is None else to_credits(ledger.remaining)
    total = (balance or 0) + (change.top_up or 0)
    if balance is not None and total > MAX_BALANCE:
        message = f"top_up would make {total:,.0f} credits of {balance:,.0f}; at most {MAX_BALANCE:,} are kept"
        raise ControlError(400, "invalid_body", message)


def show_world(world: World, view: WorldView) -> dict[str, object]:
    """A world as JSON-ready values."""
    ledger = view.ledger
    return {
        **show_identity(world),
        "link_token": world.token,
        "generation": world.epoch,
        "seed": world.server_seed,
        "tasks": len(world.tasks),
        "clock": {"mode": world.clock.mode, "now": to_seconds(view.now)},
        "credits": {
            "balance": None if ledger.balance is None else to_credits(ledger.balance),
            "reserved": to_credits(ledger.reserved),
            "spent": to_credits(ledger.spent),
        },
    }
