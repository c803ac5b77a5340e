"""From the start of the process to its first answer."""

from collections.abc import Iterator
from statistics import median

from tests.bench.measure.plan import Plan, say
from tests.bench.measure.report import Row
from tests.bench.measure.servers import BARE, BARE_PROBE, EMULATOR, EMULATOR_PROBE, running


def measure(plan: Plan) -> Iterator[Row]:
    say("startup")
    took: dict[str, list[float]] = {"bare": [], "ours": []}
    for start in range(plan.starts + 1):
        for name, command, probe in (("bare", BARE, BARE_PROBE), ("ours", EMULATOR, EMULATOR_PROBE)):
            with running(command, probe) as server:
                # The first start may still have to compile modules.
                if start:
                    took[name].append(server.started_in * 1000)
    ours, bare = median(took["ours"]), median(took["bare"])
    yield Row(name="start to first answer", unit="ms", ours=ours, bare=bare, goal=1.5, most=True)
