"""Histories: saved as JSON, played again, and shortened until they show a mutant in few steps."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest.mock import patch
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolink_contracts.promises.registry import BY_NUMBER
from evolink_contracts.reference.errors import InvalidHistory, NoResponse, PromiseBroken, ServiceUnusable
from evolink_contracts.reference.oracle import Assessment
from evolink_contracts.runs.runner import Skipped, run
from evolink_contracts.spec.models import FLASH
from evolink_contracts.stateful.actions import ACTIONS, Step, play, play_step
from evolink_contracts.stateful.running_model import RunningModel
from evolink_contracts.stateful.search import FailedHistory, replay, search, shortened
from evolink_contracts.stateful.session import Criteria, Session
from evolink_contracts.stateful.steps import describe_steps, read_steps
from evolink_contracts.stateful.strategies import histories
from evolink_contracts.target.budget import Budget
from evolink_contracts.target.target import Target, TargetOptions
from evolink_contracts.target.transports import AsgiTransport, HttpTransport, Response
from evolink_contracts.target.wall_clock import WallClock
from evolink_contracts.target.webhook import Webhook
from evolink_contracts.trace.events import Attempt, Call
from evolink_contracts.trace.history import CREATE_PATH, CREDITS_PATH
from evolink_mock.api.endpoint import Request
from evolink_mock.api.responses import Outcome
from evolink_mock.api.routes import Api
from evolink_mock.core.task import EarlyEnd, Task
from evolink_mock.worlds.tasks import Tasks
from tests.support.kit_command import kit
from tests.support.mutated_emulators import EMULATORS, emulator, served, service
from tests.support.server_process import Server

CREATE: Step = {"do": "create", "fields": {}, "outcome": None, "answers": None}


CRITERIA = Criteria(promises=("VC-067", "VC-083"))


@pytest.fixture(scope="module")
def unmodified() -> Iterator[Target]:
    with service() as opened, opened() as target:
        yield target


@given(histories())
@settings(max_examples=40, deadline=None)
def test_emulator_and_model_agree_on_whatever_is_done(unmodified: Target, steps: list[Step]) -> None:
    play(unmodified, steps)


@given(histories())
@settings(max_examples=40)
def test_a_history_that_was_kept_is_the_same_history(steps: list[Step]) -> None:
    assert read_steps(json.dumps({"says": "", "steps": steps})) == steps == read_steps(json.dumps(steps))
    assert len(describe_steps(steps)) == len(steps)


def test_histories_come_to_every_action() -> None:
    done: set[str] = set()

    @given(histories())
    @settings(max_examples=60, derandomize=True)
    def each(steps: list[Step]) -> None:
        done.update(step["do"] for step in steps)

    each()
    assert done == ACTIONS.keys()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "it must be a list"),
        ('{"steps": 5}', "it must be a list"),
        (json.dumps([CREATE] * 10_001), "it must be a list of at most 10,000 steps"),
        ("[5]", 'step 1 must have "do", one of create, create_wrongly'),
        ('[{"do": "__init__"}]', 'step 1 must have "do"'),
        ('[{"do": "reset"}, {"do": "query"}]', "step 2 must have task besides do"),
        ('[{"do": "reset", "more": 1}]', "step 1 must have nothing besides do"),
        ('[{"do": "query", "task": "x"}]', "step 1 has a task that is not int"),
        ('[{"do": "query", "task": true}]', "step 1 has a task that is not int"),
        ('[{"do": "advance", "seconds": -1}]', "step 1 must advance by 0 to 604800 seconds"),
        ('[{"do": "advance", "seconds": NaN}]', "step 1 must advance by 0 to 604800 seconds"),
        ('[{"do": []}]', 'step 1 must have "do"'),
        ('[{"do": "create_wrongly", "title": "x", "body": "\\ud800"}]', "step 1 has a lone surrogate"),
        (json.dumps([{**CREATE, "outcome": "schön"}]), "step 1 has an outcome that is not a scenario"),
        (json.dumps([{**CREATE, "answers": [500, {}]}]), "step 1 has an answer that is neither a status"),
        (json.dumps([{**CREATE, "answers": [True]}]), "step 1 has an answer that is neither a status"),
        ('[{"do": "answer_a_callback", "status": 99}]', "step 1 must answer with a status from 200 to 599"),
        ('[{"do": "inject", "refusal": "x; times=9"}]', "step 1 has a refusal that is not one of unauthorized"),
    ],
)
def test_what_is_no_history_is_named(text: str, says: str) -> None:
    with pytest.raises(InvalidHistory) as error:
        read_steps(text)
    assert says in str(error.value)


@given(st.text(max_size=30) | st.recursive(st.none() | st.booleans() | st.text(max_size=3), st.lists).map(json.dumps))
def test_any_text_is_a_history_or_is_refused(text: str) -> None:
    with suppress(InvalidHistory):
        assert isinstance(read_steps(text), list)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gap_3", "VC-067"),
        ("double_charge", "23.8 credits are used; 11.9 were expected"),
        ("no_refund", "11.9 credits are used; 0 were expected"),
    ],
)
def test_a_mutant_is_found_in_few_steps(name: str, says: str, seed: int) -> None:
    with service(name) as opened, opened() as target:
        found = search(target, 300, seed).failure
        assert found is not None
        assert says in found.says
        assert found.reproducible
        assert len(found.steps) <= 3, describe_steps(found.steps)
        assert replay(target, found.steps).failure is not None


@contextmanager
def _lost_update() -> Iterator[None]:
    """A planted race: a cancel at the instant of a query is told that it is done, and the task keeps its state."""
    queried: dict[str, int] = {}
    honest_query, honest_end = Api.query, Tasks.end

    def query(api: Api, request: Request) -> Outcome:
        queried[request.path["task_id"]] = request.now
        return honest_query(api, request)

    def end(tasks: Tasks, name: str, task: Task, event: EarlyEnd) -> Task:
        lost = queried.get(name) == task.created + event.at
        return task if lost else honest_end(tasks, name, task, event)

    with patch.object(Api, "query", query), patch.object(Tasks, "end", end):
        yield


@pytest.mark.slow
def test_a_planted_race_is_found_in_few_steps() -> None:
    webhook = Webhook()
    with (
        _lost_update(),
        EMULATORS.made(None, {webhook.origin: webhook}) as app,
        Target(AsgiTransport(app), "sk-race", TargetOptions(callbacks_arrive=True), webhook=webhook) as target,
    ):
        found = search(target, 500, 1).failure
    assert found is not None
    assert found.says == "it ended completed; request_cancelled was expected"
    assert [step["do"] for step in found.steps] == ["create", "query", "cancel"]


def test_without_a_control_api_it_waits_and_judges_what_can_be_known() -> None:
    with Server("--generation-time", "0.2s") as server:
        target = Target(HttpTransport(server.url), "sk-waiting", TargetOptions(use_control=False, pause=0.02))
        with target:
            searched = search(target, 5, 1, longest=12)
    assert (searched.played, searched.failure, searched.stopped) == (5, None, "")


def test_without_a_control_api_a_failure_is_kept_as_it_was_found() -> None:
    with emulator("answers_201") as (transport, _):
        searched = search(Target(transport, "sk-waiting", TargetOptions(use_control=False, pause=0.0)), 50, 1)
    assert searched.failure is not None
    assert searched.failure.trace
    assert "a valid request got 201" in searched.failure.says


def test_what_is_not_judged_fails_no_history() -> None:
    with service("one_request_id") as opened, opened() as target:
        found = search(target, 20, 1).failure
        assert found is not None
        assert found.says.startswith("VC-037")
        others = Criteria(promises=[number for number in BY_NUMBER if number != "VC-037"])
        assert search(target, 20, 1, criteria=others).failure is None
        assert replay(target, found.steps, others).failure is None


class Passing(WallClock):
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.at = 0.0
        self.nonces = 0

    def now(self) -> float:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += seconds

    def nonce(self) -> str:
        self.nonces += 1
        return str(self.nonces)


class Failing:
    """A correct service whose tasks fail after 20 s, and are refunded then."""

    def __init__(self, wall: Passing) -> None:
        self._wall = wall
        self._ends: dict[str, float] = {}

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Response:
        body = self._answer(method, path)
        own = {"content-type": "application/json", "x-request-id": self._wall.nonce()}
        return Response(200, own, json.dumps(body).encode())

    def _answer(self, method: str, path: str) -> dict[str, object]:
        if path == CREDITS_PATH:
            used = 100 + 3 * sum(end > self._wall.now() for end in self._ends.values())
            return {"data": {"user": {"used_credits": used}}}
        if method == "POST":
            name = f"task-unified-{len(self._ends)}"
            self._ends[name] = self._wall.now() + 20
            return {"id": name, "usage": {"credits_reserved": 3}}
        name = path.rpartition("/")[2]
        if self._ends[name] > self._wall.now():
            return {"id": name, "status": "processing", "progress": 10}
        return {"id": name, "status": "failed", "progress": 0, "error": {"code": "service_error"}}

    def close(self) -> None: ...


LOOK: Step = {"do": "look_at_credits"}


def test_a_refund_that_comes_late_belongs_to_its_own_history() -> None:
    wall = Passing()
    target = Target(Failing(wall), "sk-late", TargetOptions(use_control=False), wall=wall)
    play(target, [CREATE, CREATE, LOOK], CRITERIA)
    assert not target.open_tasks
    play(target, [*[{"do": "advance", "seconds": 5}] * 9, LOOK], CRITERIA)


def test_what_a_task_of_another_history_costs_is_not_judged_while_it_goes_on() -> None:
    wall = Passing()
    target = Target(Failing(wall), "sk-late", TargetOptions(use_control=False, pause=0.0), wall=wall)
    play(target, [CREATE], CRITERIA)
    session = Session(target, CRITERIA)
    wall.wait(30)
    play_step(session, LOOK)
    assert target.open_tasks


def test_callbacks_of_another_history_that_come_late_are_left_out() -> None:
    wall, webhook = Passing(), Webhook()
    target = Target(
        Failing(wall), "sk-late", TargetOptions(use_control=False, callbacks_arrive=True), wall=wall, webhook=webhook
    )
    session = Session(target, CRITERIA)
    late, strange = f"{webhook.origin}/history-0/500", f"{webhook.origin}/elsewhere/500"
    for at, url in ((0.0, late), (9.0, late), (9.0, strange)):
        target.trace.append(Attempt(at, url, "{}", 500))
    play_step(session, {"do": "create", "fields": {}, "outcome": None, "answers": [500]})
    own = f"{webhook.origin}/history-{wall.nonces - 1}/500"
    target.trace.append(Attempt(10.0, own, "{}", 500))
    play_step(session, LOOK)
    assert [event.url for event in target.trace if isinstance(event, Attempt)] == [strange, own]


def test_a_price_that_nobody_said_makes_no_task_unknown() -> None:
    model = RunningModel(exact=False)
    answer = '{"id": "t", "status": "processing", "progress": 10}'
    model.task_created(Call(0, "POST", CREATE_PATH, 200, answer), Assessment(()))
    assert model.task_read(Call(1, "GET", "/v1/tasks/t", 200, answer)) == []
    assert [wrong.promise for wrong in model.task_read(Call(1, "GET", "/v1/tasks/t", 404, "{}"))] == ["VC-053"]
    assert [wrong.promise for wrong in model.task_read(Call(1, "GET", "/v1/tasks/u", 200, '{"id": "u"}'))] == ["VC-051"]


@pytest.mark.parametrize(("tolerance", "found"), [(0.25, ["VC-067"]), (2.0, [])])
def test_the_running_model_takes_the_tolerance_that_is_given(tolerance: float, found: list[str]) -> None:
    model = RunningModel(exact=False, tolerance=tolerance)
    attempts = [Attempt(at, "https://hook.example.com/a", "{}", 500) for at in (0.0, 2.5)]
    assert [wrong.promise for wrong in model.callbacks_received(attempts)] == found


@pytest.mark.parametrize("huge", [10**400, True, "5"])
def test_what_is_no_amount_is_a_verdict_and_no_crash(huge: object) -> None:
    model = RunningModel(exact=False)
    answer = json.dumps({"id": "t", "usage": {"credits_reserved": huge}})
    model.task_created(Call(0, "POST", CREATE_PATH, 200, answer), Assessment(()))
    looked = Call(1, "GET", CREDITS_PATH, 200, json.dumps({"data": {"user": {"used_credits": huge}}}))
    assert [wrong.promise for wrong in model.credits_read(looked)] == ["VC-082"]


def test_a_contradiction_of_the_running_model_counts_only_where_its_promise_is_chosen() -> None:
    with service("double_charge") as opened, opened() as target:
        play(target, [CREATE, LOOK], Criteria(promises=["VC-001"]))
        with pytest.raises(PromiseBroken, match=r"23\.8 credits are used; 11\.9 were expected"):
            play(target, [CREATE, LOOK], Criteria(promises=["VC-083"]))


@pytest.mark.parametrize(
    "scenario",
    [
        *("query=rate_limited", "create=internal_error", "credits=upstream_error"),
        *("create=model_access_denied", "create=paid_outcome_unknown"),
    ],
)
def test_trouble_of_a_service_is_no_broken_promise(scenario: str) -> None:
    with emulator() as (transport, _):
        Target(transport, "sk-trouble").control.call("scenarios/default", {"scenario": scenario})
        waiting = Target(transport, "sk-trouble-a", TargetOptions(use_control=False, pause=0.0))
        assert search(waiting, 10, 1, longest=15).failure is None


def test_trouble_in_histories_is_told_in_the_report() -> None:
    with emulator() as (transport, _):
        Target(transport, "sk-trouble").control.call("scenarios/default", {"scenario": "create=insufficient_quota"})
        waiting = Target(transport, "sk-trouble-a", TargetOptions(use_control=False, pause=0.0))
        found = run(waiting, probes=[], explore=lambda target: search(target, 30, 1, longest=15))
        again = run(waiting, probes=[], explore=lambda target: replay(target, [CREATE]))
    assert re.fullmatch(r"\d+ calls", found.skipped[0].probe)
    assert [skipped.reason for skipped in found.skipped] == ["they got 402"]
    assert again.skipped == (Skipped("1 calls", "they got 402"),)


def test_a_refusal_that_was_asked_for_is_no_trouble() -> None:
    steps: list[Step] = [{"do": "inject", "refusal": "insufficient_quota"}, CREATE]
    with service() as opened, opened() as target:
        assert run(target, probes=[], explore=lambda target: replay(target, steps)).skipped == ()


def test_a_budget_bounds_histories_too() -> None:
    budget = Budget(limit=11)
    with emulator() as (transport, _):
        target = Target(transport, "sk-budget", TargetOptions(use_control=False, pause=0.0), guard=budget)
        searched = search(target, 20, 1)
        assert searched.stopped.startswith("a create may cost 6 credits; of 11 (--max-credits) 6 are spent")
        assert (searched.failure, budget.spent) == (None, 6)


def test_a_service_that_took_what_it_must_refuse_is_not_offered_it_again() -> None:
    faulty: Step = {"do": "create_wrongly", "title": "no prompt", "body": json.dumps({"model": FLASH.name})}
    budget = Budget(limit=1000)
    budget.after_create(Call(0, "POST", CREATE_PATH, 200, '{"id": "t"}', sent=faulty["body"]))
    with emulator() as (transport, _):
        target = Target(transport, "sk-budget", TargetOptions(use_control=False), guard=budget)
        play(target, [faulty])
    assert [event.path for event in target.trace if isinstance(event, Call)] == [CREDITS_PATH]


class Dying:
    """A service that answers as another, but nothing more once a path was asked for so many times."""

    def __init__(self, transport: AsgiTransport, path: str, times: int) -> None:
        self._transport, self._path, self._left = transport, path, times

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Response:
        self._left -= path == self._path
        if self._left < 0:
            raise NoResponse("it is dead")
        return self._transport.send(method, path, headers, content)

    def close(self) -> None:
        """The other is closed by whoever opened it."""


@pytest.mark.parametrize("more", [0, 1])
def test_a_failure_is_kept_where_the_service_dies_while_it_is_made_shorter(more: int) -> None:
    with emulator("double_charge") as (transport, _):
        dying = Dying(transport, CREATE_PATH, 1 + more)
        found = search(Target(dying, "sk-dying"), 50, 1)
    assert found.failure is not None
    assert found.failure.says.startswith("23.8 credits are used")
    assert found.failure.reproducible
    assert found.stopped == "it is dead"


def test_a_failure_is_kept_where_the_service_dies_while_idle_steps_are_left_out() -> None:
    with emulator("double_charge") as (transport, _):
        failure = FailedHistory("x", [CREATE, {"do": "query", "task": 0}, {"do": "query", "task": 0}], ())
        shorter = shortened(Target(Dying(transport, CREATE_PATH, 1), "sk-dying"), failure, Criteria())
        assert len(next(shorter).steps) == 2
        with pytest.raises(ServiceUnusable, match="it is dead"):
            next(shorter)


def test_nothing_is_drawn_once_a_search_has_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[list[Step]] = []

    def noted(steps: list[Step]) -> list[Step]:
        drawn.append(steps)
        return steps

    monkeypatch.setattr(
        "evolink_contracts.stateful.strategies.histories", lambda longest: histories(longest).map(noted)
    )
    with emulator() as (transport, _):
        searched = search(Target(Dying(transport, CREATE_PATH, 0), "sk-dying"), 500, 1)
    assert searched.stopped == "it is dead"
    assert searched.played == len(drawn) - 1


def test_what_a_guard_refrains_from_is_left_out_of_a_replay() -> None:
    faulty = {**CREATE, "fields": {"prompt": None}}
    budget = Budget(limit=1000)
    budget.after_create(Call(0, "POST", CREATE_PATH, 200, '{"id": "t"}', sent=json.dumps({"model": FLASH.name})))
    spent = budget.spent
    with emulator() as (transport, _):
        target = Target(transport, "sk-budget", TargetOptions(use_control=False), guard=budget)
        searched = replay(target, [faulty])
    assert (searched.played, searched.failure, searched.stopped) == (1, None, "")
    assert budget.spent == spent


def test_a_run_keeps_the_history_that_failed_and_plays_it_again(tmp_path: Path) -> None:
    kept, wrong = tmp_path / "kept.json", tmp_path / "wrong.json"
    kept.write_text(json.dumps([CREATE, {"do": "reset"}, {"do": "query", "task": 0}]), encoding="utf-8")
    wrong.write_text("[5]", encoding="utf-8")
    with Server("--generation-time", "5s") as server:
        run = ("run", "--base-url", server.url, "--api-key", "sk-histories")
        ran = kit(*run, "--histories", "5", "--seed", "7", "--only", "VC-001")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert ran.stdout.splitlines()[-1].endswith(
            "1 promise passed, 0 failed, 0 not covered; 5 histories of seed 7 passed"
        )
        ran = kit(*run, "--replay", str(kept))
        assert ran.returncode == 0, ran.stdout
        assert ran.stdout.splitlines()[-1].endswith("; one history passed")
        ran = kit(*run, "--replay", str(wrong))
        assert ran.returncode == 2
        assert 'step 1 must have "do", one of create' in ran.stderr
        ran = kit(*run, "--profile", "live-safe", "--histories", "1")
        assert ran.returncode == 2


def test_a_history_that_failed_is_reported_and_kept_and_fails_again(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    with served("double_charge") as url:
        run = ("run", "--base-url", url, "--api-key", "sk-histories", "--only", "VC-083")
        ran = kit(*run, "--histories", "30", "--save", str(kept))
        assert ran.returncode == 1, ran.stdout + ran.stderr
        assert "✗ a history of 1 step: 23.8 credits are used; 11.9 were expected\n      1. create: " in ran.stdout
        assert [step["do"] for step in read_steps(kept.read_text(encoding="utf-8"))] == ["create"]
        again = {form: kit(*run, "--replay", str(kept), "--format", form) for form in ("json", "junit", "markdown")}
    assert {ran.returncode for ran in again.values()} == {1}
    found = json.loads(again["json"].stdout)["histories"]
    assert found["failure"]["steps"] == read_steps(kept.read_text(encoding="utf-8"))
    suite = fromstring(again["junit"].stdout)
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert suite.find("testcase[@name='histories']/failure") is not None
    assert "## A history\n\n```text\n23.8 credits are used" in again["markdown"].stdout
