"""Create and query under load, with few tasks and with many, finished and not: rates, tails, and what a task takes."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from statistics import median
from typing import NamedTuple

from tests.bench.measure.cores import LOAD_CORE, SERVER_CORE, move
from tests.bench.measure.load import ENOUGH, Load, fire
from tests.bench.measure.plan import Plan, say
from tests.bench.measure.preloaded import ASKED_FOR
from tests.bench.measure.report import Row
from tests.bench.measure.servers import BARE, BARE_PROBE, EMULATOR, EMULATOR_PROBE, PORT, Server
from tests.bench.measure.traffic import EXAMPLE_ID, KEY, Request, create, let_all_end, queries

FEW = 100
FEW_KEY = "sk-few"
"""Whose world keeps its hundred tasks while another one grows by creates."""
FLAT = 0.9
"""Of the rate with few tasks, for the rate with many to count as the same: medians of loads stray by as much."""


class Failed(Exception):
    """Not every answer was a 2xx, so there is no figure."""


class Subject(NamedTuple):
    """A server under load, what it is sent, and whether it has tasks to settle afterwards."""

    server: Server
    create: Sequence[Request]
    query: Sequence[Request]
    settles: bool = False


class Filled(NamedTuple):
    """What a preloaded server says of itself."""

    bytes_a_task: float
    collection_ms: float
    ids: list[str]


def measure(plan: Plan) -> Iterator[Row]:
    many = f"{plan.tasks:,}"
    with ExitStack() as stack:

        def start(command: tuple[str, ...], probe: str, core: int = SERVER_CORE) -> Server:
            server = Server(command, probe, core=core)
            stack.callback(server.stop)
            return server

        say(f"filling two worlds with {many} tasks each")
        preloaded = (PORT, str(plan.tasks))
        module = (BARE[0], "-m", "tests.bench.measure.preloaded")
        unfinished = start((*module, *preloaded, "unfinished"), EMULATOR_PROBE)
        settled = start((*module, *preloaded, "settled"), EMULATOR_PROBE, core=LOAD_CORE)
        filled = {name: _filled(server) for name, server in (("unfinished", unfinished), ("ended", settled))}
        move(settled.pid, SERVER_CORE)
        bare, fresh = start(BARE, BARE_PROBE), start(EMULATOR, EMULATOR_PROBE)
        bare.wait(30)
        fresh.wait(30)
        subjects = {
            "bare": Subject(bare, [create()], queries([EXAMPLE_ID])),
            "few": Subject(fresh, [create()], queries(_few(fresh), FEW_KEY), settles=True),
            "unfinished": Subject(unfinished, [create()], queries(filled["unfinished"].ids)),
            "ended": Subject(settled, [create()], queries(filled["ended"].ids), settles=True),
        }
        loads = {act: _interleaved(act, subjects, plan) for act in ("create", "query")}
    yield from _rates(loads, many)
    for act, by in loads.items():
        flat = by["ended"].rate / by["few"].rate
        rough = _rough(by, "ended", "few")
        yield Row(name=f"{act} rate at {many} over that at {FEW}", unit="", ours=flat, goal=FLAT, rough=rough)
    yield from _costs(loads)
    yield from _tails(loads, many)
    for name, found in filled.items():
        yield Row(name=f"a task at rest, {name}", unit="B", ours=found.bytes_a_task, goal=700, aim=400, most=True)
    for name, found in filled.items():
        yield Row(name=f"one full collection, {many} tasks {name}", unit="ms", ours=found.collection_ms)


def _filled(server: Server) -> Filled:
    server.wait(300)
    line = next(line for line in server.said().splitlines() if line.startswith("{"))
    return Filled(**json.loads(line))


def _few(server: Server) -> list[str]:
    """A hundred finished tasks."""
    ids = []
    for _ in range(FEW):
        status, body = server.ask(create(FEW_KEY))
        assert status == 200, body
        ids.append(str(json.loads(body)["id"]))
    _advance(server, FEW_KEY)
    return ids


def _advance(server: Server, key: str) -> float:
    """Let all tasks of a key end and be settled; the processor seconds it took."""
    before = server.worked()
    status, body = server.ask(let_all_end(key))
    assert status == 200, body
    return server.worked() - before


def _interleaved(act: str, subjects: dict[str, Subject], plan: Plan) -> dict[str, Load]:
    """The median load on each subject; they take turns, so that a slow minute of the machine hits all."""
    kept: dict[str, list[Load]] = {name: [] for name in subjects}
    spare = plan.repeats * len(subjects)
    for repeat in range(plan.repeats + 1):
        say(f"{act}: repeat {repeat} of {plan.repeats}" if repeat else f"{act}: warming up")
        for name, subject in subjects.items():
            load = _fired(act, name, subject, plan)
            while repeat and load.share < ENOUGH and spare:
                spare -= 1
                say(f"  again: the server had only {load.share:.0%} of its core, so something else is running")
                load = _fired(act, name, subject, plan)
            if repeat:
                kept[name].append(load)
    return {name: Load(*map(median, zip(*loads, strict=True))) for name, loads in kept.items()}


def _fired(act: str, name: str, subject: Subject, plan: Plan) -> Load:
    load = fire(subject.server, getattr(subject, act), plan.seconds)
    if load.failed:
        raise Failed(f"{load.failed} of {load.answers} answers to {act} ({name}) were no 2xx")
    if act == "create" and subject.settles:
        # Work put off until later is part of the cost, and must not be done while others have their turn.
        after = _advance(subject.server, KEY) / load.answers * 1e6
        return load._replace(whole_cost=load.cost + after)
    return load


def _rates(loads: dict[str, dict[str, Load]], many: str) -> Iterator[Row]:
    for act, by in loads.items():
        for name, label in (
            ("few", act),
            ("ended", f"{act}, {many} ended"),
            ("unfinished", f"{act}, {many} unfinished"),
        ):
            rough = _rough(by, name, "bare")
            yield Row(name=label, unit="/s", ours=by[name].rate, bare=by["bare"].rate, goal=1.0, aim=1.2, rough=rough)


def _costs(loads: dict[str, dict[str, Load]]) -> Iterator[Row]:
    """No goals of their own: on a busy machine these stay right for longer than the rates."""
    for act, by in loads.items():
        yield Row(name=f"{act}, processor time", unit="µs", ours=by["few"].cost, bare=by["bare"].cost)
    ours, bare = loads["create"]["few"].whole_cost, loads["create"]["bare"].cost
    yield Row(name="create and settling it, processor time", unit="µs", ours=ours, bare=bare)


def _tails(loads: dict[str, dict[str, Load]], many: str) -> Iterator[Row]:
    for act, by in loads.items():
        for name, label in (("few", f"{FEW} tasks"), ("ended", f"{many} ended"), ("unfinished", f"{many} unfinished")):
            yield Row(
                name=f"{act} p99, {label}",
                unit="ms",
                ours=by[name].p99,
                bare=by["bare"].p99,
                goal=2.0,
                most=True,
                rough=_rough(by, name, "bare"),
            )


def _rough(by: dict[str, Load], *names: str) -> bool:
    return any(by[name].share < ENOUGH for name in names)


assert ASKED_FOR >= FEW
