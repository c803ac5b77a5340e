"""State files of earlier versions are read as they were written."""

import msgspec

from evolink_mock.scenarios.state import QueuedRule, ScenarioSnapshot


def test_a_queued_rule_is_read_as_earlier_versions_wrote_it() -> None:
    saved = msgspec.msgpack.encode([[{"number": 3, "form": {"scenario": "fail=service_error"}, "used": 1}], 3, None])
    snapshot = msgspec.msgpack.decode(saved, type=ScenarioSnapshot)
    assert [(row.number, row.spec.scenario, row.used) for row in snapshot.queued] == [(3, "fail=service_error", 1)]
    assert b"form" in msgspec.msgpack.encode(QueuedRule(1, snapshot.queued[0].spec))
