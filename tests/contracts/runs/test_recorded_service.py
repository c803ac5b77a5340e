"""The kit against a service with the recorded prices and bodies: no false alarm, and each deviation is found."""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from evolink_contracts.runs.profiles import plan
from evolink_contracts.runs.runner import run
from evolink_contracts.target.budget import Budget
from evolink_contracts.target.target import Target, TargetOptions
from evolink_contracts.target.transports import Response
from tests.support.kit_command import kit_process

NOW = 1788194967
JSON = {"content-type": "application/json"}


class RecordedService:
    """A service written from the recorded rules alone, without the emulator; `minimum` and the others can be wrong."""

    def __init__(
        self,
        *,
        minimum: float = 6,
        silent: float = 0.5,
        usd: float = 68,
        billing: Mapping[str, Any] | None = None,
        info: Mapping[str, Any] | None = None,
        keys: bool = True,
    ) -> None:
        self._minimum, self._silent, self._usd, self._billing = minimum, silent, usd, billing
        self._info = info or {"estimated_time": 120}
        self._honours_keys = keys
        self.used = 0.0
        self._requests = 0
        self._tasks: dict[str, dict[str, Any]] = {}
        self._keys: dict[str, tuple[bytes | None, bytes]] = {}

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Response:
        self._requests += 1
        status, given, body = self._respond(method, path, headers, content)
        return Response(status, {**given, "x-request-id": f"req-{self._requests}"}, body)

    def _respond(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Response:
        creates = (method, path) == ("POST", "/v1/videos/generations")
        if headers.get("authorization") != "Bearer sk-live":
            message = "Invalid or expired token" if creates else "Authentication required"
            code: object = "unauthorized"
            if path == "/v1/credits":
                message, code = "Invalid or expired token", 401
            return _error(401, code, message, "authentication_error")
        if creates:
            return self._create(headers, content)
        if method == "GET" and path.startswith("/v1/tasks/"):
            return self._query(path.removeprefix("/v1/tasks/"))
        if (method, path) == ("GET", "/v1/credits"):
            amounts = {"remaining_credits": round(1000 - self.used, 4), "used_credits": round(self.used, 4)}
            data = {"token": {**amounts, "unlimited_credits": False}, "user": amounts}
            return _answer({"data": data, "message": "", "success": True})
        return _error(404, "not_found", "Not found", "invalid_request_error")

    def close(self) -> None: ...

    def _create(self, headers: Mapping[str, str], content: bytes | None) -> Response:
        try:
            body = json.loads(content or b"")
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict) or not isinstance(body.get("prompt"), str) or not body.get("image_urls"):
            return _error(400, "invalid_request", "Invalid request parameters", "invalid_request_error")
        key = headers.get("idempotency-key", "") if self._honours_keys else ""
        if key in self._keys:
            same, answer = self._keys[key]
            if same != content:
                return _error(409, "idempotency_conflict", "Another request had this key", "invalid_request_error")
            return Response(200, {**JSON, "idempotency-replayed": "true"}, answer)
        name = f"task-unified-{NOW}-{len(self._tasks):08d}"
        factor = (1.67 if body.get("quality") == "1080p" else 1) * (
            self._silent if body.get("generate_audio") is False else 1
        )
        price = max(self._minimum, round(2.38 * (body.get("duration") or 5) * factor, 4))
        self.used += price
        created = {"created": NOW, "id": name, "model": body["model"], "object": "video.generation.task"}
        self._tasks[name] = {**created, "price": price, "queries": 0}
        usage = {"billing_rule": "per_second", "credits_reserved": price, "user_group": "default"}
        more = {"progress": 0, "status": "pending", "task_info": self._info, "type": "video", "usage": usage}
        response = _answer({**created, **more})
        if key:
            self._keys[key] = content, response.content
        return response

    def _query(self, name: str) -> Response:
        if not name.startswith("task-unified-"):
            error = {
                "code": "invalid_task_id",
                "message": "Invalid task ID format, must start with 'task-unified-'",
                "type": "invalid_request_error",
                "param": "task_id",
            }
            return Response(400, JSON, json.dumps({"error": error}).encode())
        task = self._tasks.get(name)
        if task is None:
            return _error(404, "task_not_found", "Task not found", "invalid_request_error")
        task["queries"] += 1
        shown = {key: task[key] for key in ("created", "id", "model", "object")}
        if task["queries"] < 3:
            info = {"can_cancel": True}
            return _answer({**shown, "progress": 95, "status": "processing", "task_info": info, "type": "video"})
        link, price = f"https://files.evolink.ai/a/{name}.mp4", task["price"]
        cost = {"credits": price, "usd": round(price / self._usd, 3), "cny": round(price / 10, 3)}
        ended = {
            "duration": 206,
            "progress": 100,
            "result_data": [{"url": link}],
            "results": [link],
            "status": "completed",
            "task_info": {"can_cancel": False},
            "type": "video",
            "usage": self._billing or {"cost": cost, "credits_used": price},
        }
        return _answer({**shown, **ended})


@contextmanager
def served(service: RecordedService) -> Iterator[str]:
    """The URL at which a service answers by HTTP."""
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with one_at_a_time:
                response = service.send(self.command, self.path, headers, content)
            self.send_response(response.status)
            for name, value in {**response.headers, "content-length": str(len(response.content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response.content)

        def do_POST(self) -> None:
            self.do_GET()

        def do_DELETE(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _answer(body: object) -> Response:
    return Response(200, JSON, json.dumps(body).encode())


def _error(status: int, code: object, message: str, kind: str) -> Response:
    return Response(status, JSON, json.dumps({"error": {"code": code, "message": message, "type": kind}}).encode())


def broken(service: RecordedService, limit: float = 24) -> tuple[set[str], str, float]:
    """The promises that a live run finds broken, its sentence about the highest cost, and what it spent."""
    budget = Budget(limit)
    options = TargetOptions(use_control=False, pause=0.0)
    with Target(service, "sk-live", options, guard=budget) as target:
        probes, says = plan(target, "live", budget)
        report = run(target, probes=probes)
    assert not report.stopped
    return {each.promise.number for each in report.judgements if each.breaches}, says, budget.spent


@pytest.mark.parametrize("info", [{"estimated_time": 120}, {"can_cancel": True, "estimated_time": 120}])
def test_the_recorded_service_breaks_no_promise(info: Mapping[str, Any]) -> None:
    service = RecordedService(info=info)
    found, says, spent = broken(service)
    assert found == set()
    assert says == "At worst this costs 24 credits, for 4 creates of 2 s; --max-credits allows 24"
    # The replay and the conflict may have been billed, whatever a service says.
    assert (service.used, spent) == (12, 24)


@pytest.mark.parametrize(
    ("service", "number"),
    [
        (RecordedService(usd=70), "VC-052"),
        (RecordedService(billing={"credits_used": 6}), "VC-052"),
        (RecordedService(billing={"cost": {"credits": 6}, "credits_used": 6}), "VC-052"),
        (RecordedService(info={"can_cancel": False, "estimated_time": 120}), "VC-005"),
        (RecordedService(minimum=0, silent=2), "VC-081"),
    ],
    ids=["rate of USD", "usage alone", "one currency", "can_cancel", "silence costs more"],
)
def test_a_deviation_from_the_recorded_service_is_found(service: RecordedService, number: str) -> None:
    assert number in broken(service, 1000)[0]


def run_command(service: RecordedService, *arguments: str) -> tuple[int, str, str]:
    """`evolink-contracts run` against a service behind a socket: its exit code, the report, and the rest."""
    with served(service) as url:
        ran = kit_process("run", "--base-url", url, "--api-key", "sk-live", *arguments)
    return ran.returncode, ran.stdout, ran.stderr


class Exhausted(RecordedService):
    """The same, without credits for a create."""

    def __init__(self) -> None:
        super().__init__()
        self.queried: list[str] = []

    def _query(self, name: str) -> Response:
        self.queried.append(name)
        return super()._query(name)

    def _create(self, headers: Mapping[str, str], content: bytes | None) -> Response:
        response = super()._create(headers, content)
        if response.status != 200:
            return response
        return _error(402, "insufficient_quota", "Insufficient credits", "insufficient_quota_error")


def test_a_create_that_is_refused_is_not_polled() -> None:
    service = Exhausted()
    broken(service)
    assert "" not in service.queried


@pytest.mark.slow
def test_a_safe_run_of_the_command_finds_nothing_and_costs_nothing() -> None:
    service = RecordedService()
    code, report, _ = run_command(service, "--profile", "live-safe")
    assert (code, service.used) == (0, 0), report
    assert re.search(r"^\d+ promises passed, 0 failed", report, re.MULTILINE)


@pytest.mark.slow
def test_a_live_run_of_the_command_finds_nothing_and_stays_below_its_highest_cost() -> None:
    service = RecordedService()
    code, report, progress = run_command(service, "--profile", "live", "--max-credits", "24")
    assert code == 0, report
    assert "At worst this costs 24 credits, for 4 creates of 2 s" in progress
    # The second of two equal creates is not charged, since the service honours the Idempotency-Key.
    assert service.used == 12


@pytest.mark.slow
def test_the_highest_cost_is_that_of_a_service_that_honours_no_idempotency_key() -> None:
    service = RecordedService(keys=False)
    code, report, _ = run_command(service, "--profile", "live", "--max-credits", "24")
    assert (code, service.used) == (1, 24)
    assert set(re.findall(r"^✗ (VC-\d+)", report, re.MULTILINE)) == {"VC-091", "VC-092"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--profile", "live", "--max-credits", "23"], 2, "4 creates may cost 24 credits"),
        (["--profile", "emulator"], 3, "it has no control API, as an emulator has"),
        (["--profile", "live", "--max-credits", "24", "--api-key", "sk-other"], 3, "it refused the API key"),
    ],
    ids=["too little", "no emulator", "another key"],
)
def test_a_run_that_cannot_be_made_sends_no_create(arguments: list[str], code: int, says: str) -> None:
    service = RecordedService()
    ended, _, errors = run_command(service, *arguments)
    assert (ended, service.used) == (code, 0)
    assert says in errors
