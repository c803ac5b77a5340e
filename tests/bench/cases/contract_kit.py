"""What the contract kit takes: the state machine, beside the drawing of its steps alone, and the test of itself.

`python -m tests.bench.cases.contract_kit RUNS` prints the seconds of the machine, and of an idle one, as JSON.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from evolink_contracts.runs.selftest import find_provider
from evolink_contracts.stateful.actions import Step, play_step
from evolink_contracts.stateful.machine import Customer, customer
from evolink_contracts.target.target import Target, TargetOptions
from evolink_contracts.target.transports import AsgiTransport
from evolink_contracts.target.webhook import Webhook
from tests.bench.measure.cores import SERVER_CORE, on_core
from tests.bench.measure.plan import Plan, say
from tests.bench.measure.report import Row
from tests.bench.measure.servers import ROOT

RUNS, STEPS = 500, 50
GOAL = 15.0
SELFTEST_GOAL = 240.0
FIRST_GOAL = 50.0


def measure(plan: Plan) -> Iterator[Row]:
    say("the contract kit's machine and self-test")
    command = [sys.executable, "-m", "tests.bench.cases.contract_kit", str(RUNS)]
    with on_core(SERVER_CORE):
        printed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=900).stdout
    took = json.loads(printed)
    yield Row(
        name=f"{RUNS} histories of {STEPS} steps of the contract kit",
        unit="s",
        ours=took["played"],
        goal=GOAL,
        most=True,
    )
    yield Row(name="of which drawing the steps", unit="s", ours=took["drawn"])
    yield Row(name="an emulator for a test, created and queried", unit="ms", ours=_first(), goal=FIRST_GOAL, most=True)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "evolink_contracts", "selftest"], check=True, stdout=subprocess.DEVNULL)
    yield Row(name="the kit's self-test", unit="s", ours=time.perf_counter() - began, goal=SELFTEST_GOAL, most=True)


def _first() -> float:
    """Milliseconds that the first test of a process waits for its emulator's first answer."""
    code = (
        "import time; from evolink_mock.testing.mocked import Mocked; began = time.perf_counter(); mocked = Mocked(); "
        "mocked.client.get('/v1/credits'); print(time.perf_counter() - began); mocked.close()"
    )
    ran = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    return 1000 * float(ran.stdout)


class _Idle(Customer):
    """Draws its steps, and plays none of them; but there is a task to choose."""

    def __init__(self) -> None:
        super().__init__()
        play_step(self.session, {"do": "create", "fields": {}, "outcome": None, "answers": None})

    def play(self, step: Step) -> None:
        """Leave out the step."""


def main(runs: int) -> None:
    webhook = Webhook()
    chosen = settings(
        max_examples=runs,
        stateful_step_count=STEPS,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    with find_provider().made(None, {webhook.origin: webhook}) as app:
        transport = AsgiTransport(app)

        @contextmanager
        def opened() -> Iterator[Target]:
            webhook.clear()
            target = Target(transport, "sk-machine", TargetOptions(callbacks_arrive=True), webhook=webhook)
            yield target
            target.reset(0)

        took = {"drawn": _seconds(_Idle, opened, chosen), "played": _seconds(Customer, opened, chosen)}
        transport.close()
    print(json.dumps(took))


def _seconds(machine: type[Customer], opened: Callable[[], AbstractContextManager[Target]], chosen: settings) -> float:
    began = time.perf_counter()
    run_state_machine_as_test(customer(opened, machine), settings=chosen)
    return time.perf_counter() - began


if __name__ == "__main__":
    main(int(sys.argv[1]))
