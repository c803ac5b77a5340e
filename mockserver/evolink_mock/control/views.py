"""JSON views of tasks and deliveries, with more details than the API shows."""

import msgspec

from evolink_contracts.spec.models import Model
from evolink_contracts.spec.timing import CallbackPolicy
from evolink_mock.core.bodies import public_status, shown_progress, task_body
from evolink_mock.core.choices import Choices
from evolink_mock.core.delivery import Delivery, attempt_reason, delivery_summary
from evolink_mock.core.duration import Micros, to_seconds
from evolink_mock.core.lifecycle import next_transition, state_of
from evolink_mock.core.task import NEVER, EarlyEnd, Failure, InputFile, Task, to_credits
from evolink_mock.worlds.rendering import result_link
from evolink_mock.worlds.view import WorldView
from evolink_mock.worlds.world import World


def task_summary(world: World, name: str, task: Task, now: Micros) -> dict[str, object]:
    """A task in a list."""
    state = state_of(task, now)
    return {
        "id": name,
        "model": task.model,
        "status": public_status(state, world.config.choices),
        "progress": shown_progress(state, world.config.choices),
        "created_at": to_seconds(task.created),
    }


def task_detail(world: World, view: WorldView, name: str, task: Task, choices: Choices) -> dict[str, object]:
    """A task with its request, plan, early end, credits, callback, and the body that a query returns."""
    plan = task.plan
    state = state_of(task, view.now)
    following = None if state.ended is not None else next_transition(plan, view.now - task.created)
    request = msgspec.json.decode(task.request)
    links = [result_link(world, name, task)] if state.status == "completed" else []
    charged = None if state.ended is None else to_credits(plan.charged if state.failure is None else 0)
    return {
        **task_summary(world, name, task, view.now),
        "scenario_source": task.source,
        "scenario": task.scenario,
        "scenario_rule": task.rule or None,
        "request": request,
        "effective": _with_defaults(world.config.behaviour.models[task.model], request, choices),
        "files": [_show_input(each) for each in task.inputs],
        "plan": {
            "starts_at": _instant(task, plan.starts),
            "ends_at": _instant(task, plan.ends),
            "ends_at_read": plan.queries_to_end or None,
            "outcome": _show_outcome(plan.failure),
            "video_seconds": to_seconds(plan.video_duration),
        },
        "next_transition_at": None if following is None else to_seconds(task.created + following),
        "events": [_show_event(task, event) for event in task.early_ends],
        "credits": {"reserved": to_credits(plan.reserved), "charged": charged},
        "callback": _callback(view, name, request) if task.has_callback else None,
        "body": task_body(name, task, state, links, choices),
    }


def _show_input(file: InputFile) -> dict[str, object]:
    """A probed input file, as the video uses it."""
    if file.kind == "picture":
        return {"kind": "image", "width": file.width, "height": file.height, "sha256": file.digest}
    return {"kind": "audio", "sha256": file.digest}


def _instant(task: Task, after: Micros) -> float | None:
    return None if after >= NEVER else to_seconds(task.created + after)


def show_delivery(number: int, delivery: Delivery, url: str | None, policy: CallbackPolicy) -> dict[str, object]:
    """A delivery with every attempt and its reason, as JSON-ready values."""
    attempts = [
        {
            "number": place,
            "reason": attempt_reason(delivery, place, policy),
            "due": to_seconds(attempt.due),
            "started": to_seconds(attempt.started),
            "finished": to_seconds(attempt.finished),
            "target": attempt.target,
            "status": attempt.result.status,
            "latency_ms": attempt.result.latency / 1000,
            "error": attempt.result.error,
            "detail": attempt.result.detail or None,
            "response": attempt.result.excerpt,
            "next_due": None if attempt.next_due is None else to_seconds(attempt.next_due),
        }
        for place, attempt in enumerate(delivery.attempts, 1)
    ]
    return {
        "number": number,
        "task": delivery.task,
        "url": url,
        "status": delivery.stage_now,
        "verdict": delivery_summary(delivery, policy),
        "origin": delivery.origin,
        "repeats": delivery.of,
        "queued": to_seconds(delivery.queued),
        "next_due": None if delivery.due is None else to_seconds(delivery.due),
        "changed_body": None if delivery.body is None else delivery.body.decode("utf-8", "replace"),
        "attempts": attempts,
    }


def _callback(view: WorldView, name: str, request: dict[str, object]) -> dict[str, object]:
    return {"url": request.get("callback_url"), "deliveries": view.deliveries.of_task(name)}


def _show_outcome(failure: Failure | None) -> dict[str, object]:
    if failure is None:
        return {"status": "completed"}
    return {"status": "failed", "code": failure.code, "message": failure.message}


def _show_event(task: Task, event: EarlyEnd) -> dict[str, object]:
    outcome = {"status": "cancelled"} if event.kind == "cancelled" else _show_outcome(event.failure)
    return {"kind": event.kind, "at": to_seconds(task.created + event.at), "outcome": outcome}


def _with_defaults(model: Model, request: dict[str, object], choices: Choices) -> dict[str, object]:
    """The request with its defaults, the unobservable fields included."""
    effective: dict[str, object] = {"model": model.name}
    for field in model.fields:
        parent = request if field.parent is None else request.get(field.parent) or {}
        value = parent.get(field.name) if isinstance(parent, dict) else None
        default = choices.default_duration if field.name == "duration" else field.default
        chosen = default if value is None else value
        if chosen is not None and field.kind != "object":
            effective[field.path] = chosen
    if effective.get("audio_url"):
        effective["generate_audio"] = True
    if effective.get("prompt_extend") is False:
        effective.pop("model_params.shot_type", None)
    return effective
