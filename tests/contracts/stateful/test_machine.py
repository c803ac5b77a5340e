"""The state machine finds nothing in the unmodified emulator, and a short history in a mutant."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from evolink_contracts.reference.errors import PromiseBroken
from evolink_contracts.reference.oracle import assess_create
from evolink_contracts.spec.fields import Field
from evolink_contracts.spec.models import FLASH
from evolink_contracts.stateful.actions import ACTIONS
from evolink_contracts.stateful.machine import customer
from evolink_contracts.stateful.steps import describe_steps
from evolink_contracts.stateful.strategies import (
    InvalidRequest,
    callback_urls,
    histories,
    invalid_requests,
    receiver_outcomes,
    valid_requests,
)
from evolink_contracts.target.target import Target, TargetOptions
from evolink_contracts.target.transports import HttpTransport
from tests.support.emulator import Emulator
from tests.support.mutated_emulators import service
from tests.support.server_process import Server

Found = TypeVar("Found")


@pytest.fixture(scope="module")
def accepting() -> Iterator[Emulator]:
    with Emulator.in_process() as emulator:
        yield emulator


def test_whatever_a_customer_does_the_unmodified_emulator_keeps_every_promise() -> None:
    with service() as opened:
        run_state_machine_as_test(customer(opened), settings=settings(max_examples=15, stateful_step_count=30))


def test_the_same_machine_waits_where_there_is_no_control_api() -> None:
    with Server("--generation-time", "0.2s") as server:
        transport = HttpTransport(server.url)

        @contextmanager
        def opened() -> Iterator[Target]:
            yield Target(transport, "sk-waiting", TargetOptions(use_control=False, pause=0.02))

        run_state_machine_as_test(customer(opened), settings=settings(max_examples=3, stateful_step_count=15))
        transport.close()


def shown(error: BaseException) -> str:
    """The shortest history that Hypothesis found, as it prints it."""
    below = [note for inner in getattr(error, "exceptions", ()) for note in getattr(inner, "__notes__", ())]
    return "\n".join([*getattr(error, "__notes__", ()), *below])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gap_3", "double_charge", "prompt_1501"])
def test_it_finds_a_mutant_in_few_steps(name: str) -> None:
    found = settings(max_examples=400, stateful_step_count=30, database=None, report_multiple_bugs=False)
    with service(name) as opened, pytest.raises(PromiseBroken) as broken:
        run_state_machine_as_test(customer(opened), settings=found)
    history = re.findall(rf"state\.({'|'.join(ACTIONS)})\(", shown(broken.value))
    assert 0 < len(history) <= 6, history


@given(valid_requests())
def test_valid_requests_are_accepted(accepting: Emulator, body: dict[str, object]) -> None:
    assert assess_create(json.dumps(body), {}).violations == ()
    answer = accepting.post(body)
    assert answer.status_code == 200, answer.text


def smallest(strategy: st.SearchStrategy[Found], suits: Callable[[Found], bool] = lambda found: True) -> Found:
    # What explains a failure tries variations of the smallest, and `find` would give the last of those.
    return find(strategy, suits, settings=settings(phases=[Phase.generate, Phase.shrink], database=None))


@pytest.mark.parametrize(
    ("field", "becomes"),
    [
        ("prompt", {"prompt": None}),
        ("image_urls", {"image_urls": None}),
        ("duration", {"duration": 1}),
        pytest.param("quality", {"quality": []}, marks=pytest.mark.slow),
        pytest.param("model_params.shot_type", {"model_params": {"shot_type": []}}, marks=pytest.mark.slow),
        pytest.param("audio_url", {"audio_url": "ftp://example.com/"}, marks=pytest.mark.slow),
        ("callback_url", {"callback_url": "ftp://example.com/"}),
    ],
)
def test_an_invalid_request_shrinks_to_what_a_person_would_write(field: str, becomes: dict[str, object]) -> None:
    bare = {"model": FLASH.name, "prompt": "", "image_urls": ["https://example.com/"]}
    of = next(each for each in FLASH.fields if each.path == field)
    assert smallest(invalid_requests(of=of)).body == bare | becomes


@pytest.mark.slow
def test_everything_else_shrinks_too() -> None:
    assert smallest(valid_requests(), lambda body: bool(body.get("duration"))) == {
        "model": FLASH.name,
        "prompt": "",
        "image_urls": ["https://example.com/"],
        "duration": 2,
    }
    assert smallest(callback_urls(internal=True)) == "https://127.0.0.1/hook"
    assert smallest(receiver_outcomes(), lambda answers: 500 in answers) == [500]
    cancelled = smallest(histories(), lambda steps: any(step["do"] == "cancel" for step in steps))
    assert describe_steps(cancelled) == [
        'create: fields {"duration": 5, "quality": "720p", "generate_audio": true}',
        "cancel: task 0",
    ]


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
    def each(found: InvalidRequest) -> None:
        assert found.violation.field == field.path
        broken.add(found.violation.rule)
        assert accepting.post(found.body).status_code == 400

    each()
    assert broken == RULES[field.path]


@given(invalid_requests())
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
def test_any_invalid_request_is_refused(accepting: Emulator, found: InvalidRequest) -> None:
    assert accepting.post(found.body).status_code == 400
