"""Time travel: simulated time moves in one place, and a world remembers how far."""

from pathlib import Path

import evolink_mock
from tests.support.emulator import Emulator


def test_one_method_alone_moves_simulated_clocks() -> None:
    root = Path(evolink_mock.__file__).parent
    callers = {path.relative_to(root).as_posix() for path in root.rglob("*.py") if ".move_to(" in path.read_text()}
    assert callers == {"worlds/world.py"}
    assert (root / "worlds/world.py").read_text().count(".move_to(") == 1


def test_the_latency_added_to_a_manual_clock_survives_a_restart(tmp_path: Path) -> None:
    with Emulator.in_process(state=str(tmp_path)) as emulator:
        task = emulator.create()
        before = emulator.control("clock")["now"]
        emulator.query(task, {"X-Mock-Scenario": "query_latency=3s"})
        assert emulator.control("clock")["now"] == before + 3
    with Emulator.in_process(state=str(tmp_path)) as emulator:
        assert emulator.control("clock")["now"] == before + 3
