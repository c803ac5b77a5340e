"""A probe: one part of a run, with its profiles, the capabilities that it needs, and the creates that it pays for."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from evolink_contracts.target.capabilities import Capability
from evolink_contracts.target.target import MAX_POLLS, Target
from evolink_contracts.trace.events import Call
from evolink_contracts.trace.history import is_inconclusive

Profile: TypeAlias = Literal["emulator", "live-safe", "live"]
"""A service whose tasks cost nothing; one that is sent nothing that could cost; one that is paid."""
EVERY_PROFILE: tuple[Profile, ...] = ("emulator", "live-safe", "live")
_MAX_EVENTS = 60


class Probe(NamedTuple):
    """One probe; `description` completes the sentence "it …"."""

    name: str
    description: str
    run: Callable[[Target], None]
    needs: frozenset[Capability] = frozenset()
    profiles: tuple[Profile, ...] = ("emulator",)
    purchases: tuple[Mapping[str, Any], ...] = ()


def probe(
    name: str,
    description: str,
    *needs: Capability,
    profiles: tuple[Profile, ...] = ("emulator",),
    purchases: tuple[Mapping[str, Any], ...] = (),
) -> Callable[[Callable[[Target], None]], Probe]:
    """Make a probe of its function."""

    def made(run: Callable[[Target], None]) -> Probe:
        return Probe(name, description, run, frozenset(needs), profiles, purchases)

    return made


def watch(target: Target, task: str, reads: int = 3, who: str = "a") -> Call:
    """Query a task until it ends or is lost: `reads` times between events, or after every pause if they are unknown."""
    read = target.query(task, who=who)
    controlled = "control" in target.can
    for _ in range(_MAX_EVENTS if controlled else MAX_POLLS):
        if not is_inconclusive(read) and read.task_status not in ("pending", "processing"):
            break
        following = target.next_event(who)
        pause = 1.0 if controlled else target.pause
        target.advance(pause if following is None else max((following - target.now(who)) / reads, 0.05), who=who)
        read = target.query(task, who=who)
    return target.query(task, who=who, ended=True)
