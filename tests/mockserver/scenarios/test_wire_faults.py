"""A fault spoils an answer in one way alone, whatever the answer is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_mock.core.duration import SECOND
from evolink_mock.scenarios.wire_faults import (
    COMMITTING,
    DRIP_TIME,
    HTML_502,
    WIRE_FAULTS,
    altered,
    dripped,
    wire_script,
)

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
BODIES = st.binary(max_size=2000)
ON_THE_WIRE = [fault for fault, row in WIRE_FAULTS.items() if row.parts]
ENDS = {"reset_before": "reset", "reset_midway": "reset", "commit_then_drop": "reset", "empty": "close"}


@pytest.mark.parametrize("fault", ON_THE_WIRE)
@given(body=BODIES)
def test_a_prefix_of_the_response_or_all_of_it_and_more_is_sent(fault: str, body: bytes) -> None:
    done = list(wire_script(fault, HEAD, body))
    sent = b"".join(act for act in done if isinstance(act, bytes))
    match fault:
        case "reset_before" | "commit_then_drop" | "empty":
            assert sent == b""
        case "reset_midway":
            assert sent == HEAD + body[: len(body) // 2]
        case "garbage_after":
            assert sent.startswith(HEAD + body)
            assert len(sent) > len(HEAD + body)
    ends = [act for act in done if isinstance(act, str)]
    assert ends == ([ENDS[fault]] if fault in ENDS else ["close"] if fault == "garbage_after" else [])
    assert not ends or done[-1] == ends[0]


@given(BODIES, st.none() | st.integers(0, 60 * SECOND))
def test_a_drip_has_at_most_twenty_pieces_and_takes_its_time(body: bytes, time: int | None) -> None:
    pieces, pause = dripped(body, time)
    wanted = DRIP_TIME if time is None else time
    assert b"".join(pieces) == body
    assert len(pieces) <= 20
    assert all(pieces)
    assert wanted - 20 <= pause * max(len(pieces) - 1, 1) <= wanted


@pytest.mark.parametrize("fault", WIRE_FAULTS)
@given(body=BODIES, status=st.sampled_from([0, 200, 429]))
def test_only_two_faults_alter_the_response(fault: str, body: bytes, status: int) -> None:
    found = altered(fault, status, b"application/json", body)
    match fault:
        case "html_502":
            assert found == (502, b"text/html", HTML_502)
        case "truncated_json":
            assert found == (status, b"application/json", body[: len(body) // 2])
        case _:
            assert found == (status, b"application/json", body)


def test_faults_without_a_response_do_not_execute_the_operation() -> None:
    carried_out = {fault for fault, row in WIRE_FAULTS.items() if row.executes_operation}
    assert carried_out == WIRE_FAULTS.keys() - {"reset_before", "empty", "html_502"}
    assert carried_out >= COMMITTING
