"""The state machine finds nothing against an honest emulator, and something short against one that lies."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import run_state_machine_as_test

from evolink_contracts.carriers import Network
from evolink_contracts.edges import FLASH
from evolink_contracts.machine import customer
from evolink_contracts.oracle import judge_create
from evolink_contracts.spec.fields import Field
from evolink_contracts.steps import ACTIONS, Broken
from evolink_contracts.strategies import Labelled, invalid_requests, valid_requests
from evolink_contracts.target import Target
from lying import service
from serving import Server
from support import Emulator


@pytest.fixture(scope="module")
def accepting() -> Iterator[Emulator]:
    with Emulator.in_process() as emulator:
        yield emulator


def test_whatever_a_customer_does_an_honest_emulator_keeps_every_promise() -> None:
    with service() as opened:
        run_state_machine_as_test(customer(opened), settings=settings(max_examples=15, stateful_step_count=30))


def test_the_same_machine_waits_where_there_is_no_control_api() -> None:
    with Server("--generation-time", "0.2s") as server:
        carrier = Network(server.url)

        @contextmanager
        def opened() -> Iterator[Target]:
            yield Target(carrier, "sk-waiting", steered=False, pause=0.02)

        run_state_machine_as_test(customer(opened), settings=settings(max_examples=3, stateful_step_count=15))
        carrier.close()


def shown(error: BaseException) -> str:
    """The shortest history that Hypothesis found, as it prints it."""
    below = [note for inner in getattr(error, "exceptions", ()) for note in getattr(inner, "__notes__", ())]
    return "\n".join([*getattr(error, "__notes__", ()), *below])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gap_3", "double_charge", "prompt_1501"])
def test_it_finds_a_lie_and_tells_it_in_few_steps(name: str) -> None:
    found = settings(max_examples=400, stateful_step_count=30, database=None, report_multiple_bugs=False)
    with service(name) as opened, pytest.raises(Broken) as broken:
        run_state_machine_as_test(customer(opened), settings=found)
    history = re.findall(rf"state\.({'|'.join(ACTIONS)})\(", shown(broken.value))
    assert 0 < len(history) <= 6, history


@given(valid_requests())
def test_valid_requests_are_accepted(accepting: Emulator, body: dict[str, object]) -> None:
    assert judge_create(json.dumps(body), {}).faults == ()
    answer = accepting.post(body)
    assert answer.status_code == 200, answer.text


RULES = {
    "prompt": {"missing", "type", "length"},
    "image_urls": {"missing", "type", "url", "count"},
    "duration": {"type", "range"},
    "quality": {"type", "choice"},
    "prompt_extend": {"type"},
    "model_params": {"type"},
    "model_params.shot_type": {"type", "choice"},
    "audio_url": {"type", "url"},
    "generate_audio": {"type"},
    "callback_url": {"type", "length", "scheme", "internal"},
}


@pytest.mark.slow
@pytest.mark.parametrize("field", FLASH.fields, ids=lambda field: field.path)
def test_invalid_requests_break_every_rule_of_a_field_and_are_refused(accepting: Emulator, field: Field) -> None:
    broken: set[str] = set()

    @given(invalid_requests(of=field))
    @settings(max_examples=80, derandomize=True, suppress_health_check=list(HealthCheck))
    def each(found: Labelled) -> None:
        assert found.fault.field == field.path
        broken.add(found.fault.rule)
        assert accepting.post(found.body).status_code == 400

    each()
    assert broken == RULES[field.path]


@given(invalid_requests())
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
def test_any_invalid_request_is_refused(accepting: Emulator, found: Labelled) -> None:
    assert accepting.post(found.body).status_code == 400
