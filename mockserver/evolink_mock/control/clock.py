"""Control calls of the clock: reads, moves and replaces the clocks of worlds."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, TypeAlias, assert_never

import msgspec

from evolink_mock.clock import LAST_INSTANT, MAX_SPEED, Mode, make_clock, monotonic
from evolink_mock.control.endpoint import ControlCall, ControlError, ControlRequest, parse_body
from evolink_mock.control.long_poll import MAX_WAIT
from evolink_mock.control.redacted_rows import Redacted, show_worlds
from evolink_mock.control.world_selection import show_identity
from evolink_mock.core.duration import Micros, parse_time_span, show_duration, to_seconds
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.delivery.time_travel import TimeTravel
from evolink_mock.worlds.view import WorldView
from evolink_mock.worlds.world import World

_CHANGES = (
    'move or replace the clock: {"advance": "7s"} or {"advance": 7.5} in seconds, {"until": "next-event"} or '
    '{"mode": "manual"}'
)
_MODES: Mapping[str, Mode] = {"real": "real", "scaled": "scaled", "manual": "manual", "auto": "auto"}


class ClockForm(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /__mock/clock`: exactly one of `advance`, `until` and `mode`; `speed` goes with mode scaled.

    `advance` is seconds or a duration. Any value is let in here, since `parse_time_span` says what would be right.
    """

    advance: Annotated[
        Any,
        msgspec.Meta(
            description="time to move forward by: seconds, or a duration such as `7s`",
            extra_json_schema={"type": ["number", "string", "null"]},
        ),
    ] = None
    until: Annotated[str | None, msgspec.Meta(description="`next-event`: the next transition or attempt")] = None
    mode: Annotated[
        str | None, msgspec.Meta(description="mode of a new clock: `real`, `scaled`, `manual` or `auto`")
    ] = None
    speed: Annotated[
        float | None, msgspec.Meta(description="speed of a scaled clock; that of `--speed` unless given")
    ] = None


class Advance(NamedTuple):
    """Move the clock forward by a duration."""

    by: Micros


class ToNextEvent(NamedTuple):
    """Move the clock to the next transition or attempt, if there is one."""


class ChangeMode(NamedTuple):
    """Replace the clock by one of another mode that starts at the current instant."""

    mode: Mode
    speed: float


ClockChange: TypeAlias = Advance | ToNextEvent | ChangeMode


class ClockCalls:
    """The calls of `/__mock/clock`."""

    def __init__(self, time_travel: TimeTravel, default_speed: float) -> None:
        self._time_travel = time_travel
        self._default_speed = default_speed

    def table(self) -> tuple[ControlCall, ...]:
        return (
            ControlCall("GET", "/clock", "mode, current instant and next event", self._show),
            ControlCall("POST", "/clock", _CHANGES, self._change, body=ClockForm),
        )

    async def _show(self, request: ControlRequest) -> object:
        rows = await show_worlds(request.worlds, show_clock)
        return Redacted({"worlds": rows} if request.all_worlds else rows[0])

    async def _change(self, request: ControlRequest) -> object:
        change = parse_change(request.body, self._default_speed)
        deadline = monotonic() + to_seconds(MAX_WAIT)
        for world in request.worlds:
            await self._apply(world, await world.settled_view(), change, deadline)
        return await self._show(request)

    async def _apply(self, world: World, view: WorldView, change: ClockChange, deadline: float) -> None:
        match change:
            case ChangeMode(mode, speed):
                world.change_clock(make_clock(mode, start=world.clock.now(), speed=speed))
            case ToNextEvent():
                if (due := view.next_event()) is not None:
                    await self._move_to(world, due, deadline)
            case Advance(by):
                # Calls that come during one another add up.
                await self._move_to(world, self._time_travel.end_of_journeys(world) + by, deadline)
            case _:
                assert_never(change)

    async def _move_to(self, world: World, target: Micros, deadline: float) -> None:
        if target > LAST_INSTANT:
            raise ControlError(
                400, "invalid_body", "A clock cannot pass the year 2100; advance by less, or reset the world"
            )
        before, epoch = world.clock.now(), world.epoch
        await self._time_travel.travel(world, target, deadline)
        reached = (await world.settled_view()).now
        if world.epoch == epoch:
            world.record_event("clock.moved", show_duration(max(min(target, reached) - before, 0)))


def parse_change(body: bytes, default_speed: float) -> ClockChange:
    """The one change that a body asks for. Raises `ControlError`."""
    form = parse_body(body, ClockForm)
    match form.advance, form.until, form.mode:
        case None, None, str(mode):
            return _parse_mode(mode, form.speed, default_speed)
        case None, str(until), None:
            _require_no_speed(form)
            if until != "next-event":
                raise ControlError(400, "invalid_body", f'until must be "next-event"; got {until[:40]!r}')
            return ToNextEvent()
        case by, None, None if by is not None:
            _require_no_speed(form)
            return Advance(_read_time_span(by))
        case _:
            raise ControlError(400, "invalid_body", "Give exactly one of advance, until and mode")


def _read_time_span(by: object) -> Micros:
    try:
        return parse_time_span(by)
    except ValueError as error:
        raise ControlError(400, "invalid_body", f"advance: {error}") from None


def _parse_mode(mode: str, speed: float | None, default_speed: float) -> ChangeMode:
    if mode not in _MODES:
        raise ControlError(400, "invalid_body", unknown_name("mode", mode, _MODES))
    if mode != "scaled":
        if speed is not None:
            raise _misplaced_speed()
        return ChangeMode(_MODES[mode], 1.0)
    chosen = default_speed if speed is None else speed
    if not 0.001 <= chosen <= MAX_SPEED:
        raise ControlError(400, "invalid_body", f"speed must be from 0.001 to {MAX_SPEED:.0f}; got {speed}")
    return ChangeMode("scaled", chosen)


def _require_no_speed(form: ClockForm) -> None:
    if form.speed is not None:
        raise _misplaced_speed()


def _misplaced_speed() -> ControlError:
    return ControlError(400, "invalid_body", 'speed needs {"mode": "scaled"}')


def show_clock(world: World, view: WorldView) -> dict[str, object]:
    """The clock of a world as JSON-ready values."""
    due = view.next_event()
    return {
        **show_identity(world),
        "mode": world.clock.mode,
        "speed": world.clock.speed,
        "now": to_seconds(view.now),
        "next_event": None if due is None else to_seconds(due),
        "attempts_in_flight": len(view.deliveries.under_way),
    }
