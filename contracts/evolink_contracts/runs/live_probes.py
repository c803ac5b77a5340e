"""Probes of any service: invalid and unauthorized calls for every profile, and paid tasks for `live`."""

import json
from collections.abc import Mapping
from typing import Any

from evolink_contracts.reference.boundary_requests import boundary_requests
from evolink_contracts.reference.errors import CreateTooExpensive
from evolink_contracts.runs.probe import EVERY_PROFILE, probe, watch
from evolink_contracts.spec.examples import EXAMPLE_CREATED, EXAMPLE_MODEL, EXAMPLE_TASK_ID
from evolink_contracts.spec.wire import TASK_ID_PREFIX
from evolink_contracts.target.budget import CHEAPEST
from evolink_contracts.target.target import Target
from evolink_contracts.trace.events import decoded
from evolink_contracts.trace.history import CREATE_PATH, CREDITS_PATH, TASK_PATH

_WITH_AUDIO: Mapping[str, Any] = {**CHEAPEST, "generate_audio": True}
_JSON = {"content-type": "application/json"}


@probe("lacking", "sends creates at the limits of every rule that also lack a required field", profiles=EVERY_PROFILE)
def lacking(target: Target) -> None:
    withheld: list[CreateTooExpensive] = []
    for request in boundary_requests():
        body = decoded(request.body.decode("utf-8", "replace"))
        content = request.body
        if isinstance(body, dict):
            content = json.dumps({name: value for name, value in body.items() if name != "prompt"}).encode()
        headers = {} if request.content_type is None else {"content-type": request.content_type}
        try:
            target.call("POST", CREATE_PATH, content=content, headers=headers)
        except CreateTooExpensive as reason:
            withheld.append(reason)
    if withheld:
        raise CreateTooExpensive(f"{len(withheld)} creates were left out, the last because {withheld[-1]}")


@probe("unauthenticated", "calls without a key, and with an invalid one", profiles=EVERY_PROFILE)
def unauthenticated(target: Target) -> None:
    for access in ("missing", "wrong"):
        target.create({"prompt": None}, access=access)
        target.call("POST", CREATE_PATH, access=access, content=b"{", headers=_JSON)
        target.query(EXAMPLE_TASK_ID, access=access)
        target.query("nonsense", access=access)
        target.credits(access=access)


@probe("unknown", "queries unknown tasks, and calls unknown routes", profiles=EVERY_PROFILE)
def unknown(target: Target) -> None:
    for name in (EXAMPLE_TASK_ID, f"{TASK_ID_PREFIX}{EXAMPLE_CREATED}-abcdefgh", f"{TASK_ID_PREFIX}1-aaaaaaaa"):
        target.query(name, unknown=True)
    for name in (
        "nonsense",
        EXAMPLE_TASK_ID.replace("task-unified", "TASK-UNIFIED"),
        str(EXAMPLE_CREATED),
        "task-unifie",
    ):
        target.query(name)
    for method, path in (("GET", CREATE_PATH), ("POST", CREDITS_PATH), ("DELETE", f"{TASK_PATH}x"), ("GET", "/v1/x")):
        target.call(method, path, notes={"no route": True})
    target.call("POST", CREATE_PATH, content=json.dumps({"model": EXAMPLE_MODEL}).encode(), headers=_JSON)


@probe(
    "a purchase",
    "buys the shortest video with and without audio, creates one of them twice, and queries both",
    profiles=("live",),
    # Two more, for a service that does not honour the Idempotency-Key.
    purchases=(CHEAPEST, CHEAPEST, CHEAPEST, _WITH_AUDIO),
)
def a_purchase(target: Target) -> None:
    target.credits()
    nonce = target.wall.nonce()
    key = {"idempotency-key": f"contract-kit.{nonce}"}
    listens = target.webhook is not None and "callbacks" in target.can
    url = f"{target.webhook.origin}/{nonce}/200" if listens and target.webhook is not None else None
    silent = {**CHEAPEST, "callback_url": url}
    task = target.create(silent, headers=key, notes={"listens": listens}).task_id
    target.create(silent, headers=key)
    target.create({**silent, "prompt": "Another cat playing piano"}, headers=key)
    loud = target.create(_WITH_AUDIO).task_id
    made = [each for each in (task, loud) if each]
    for each in made:
        watch(target, each)
    if listens:
        target.wait_for_silence()
    for each in made:
        target.query(each)
    target.credits()


@probe(
    "a bad receiver",
    "lets a callback time out, redirects the next, and refuses the others",
    "callbacks",
    profiles=("live",),
    purchases=(CHEAPEST,),
)
def a_bad_receiver(target: Target) -> None:
    origin = "" if target.webhook is None else target.webhook.origin
    url = f"{origin}/{target.wall.nonce()}/timeout,302,500,404"
    task = target.create({**CHEAPEST, "callback_url": url}, notes={"listens": True}).task_id
    if task:
        watch(target, task)
        target.wait_for_silence()
        target.query(task)
