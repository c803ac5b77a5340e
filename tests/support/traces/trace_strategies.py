"""Hypothesis strategies of traces, of services that answer anything at all."""

import json

from hypothesis import strategies as st

from evolink_contracts.trace.events import Attempt, Call

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
HEADERS = st.dictionaries(TEXTS, TEXTS, max_size=2)
TIMES = st.floats(0, 1e10)
ID = "task-unified-1757169743-7cvnl5zw"
NAMES = st.sampled_from(
    [
        *("id", "status", "progress", "results", "error", "usage", "task_info", "created", "model", "code", "message"),
        *("data", "user", "token", "used_credits", "remaining_credits", "credits_reserved", "duration", "quality"),
        *("audio_url", "image_urls", "prompt", "callback_url"),
    ]
)
CALLS = st.builds(
    Call,
    at=TIMES,
    method=st.sampled_from(["GET", "POST"]),
    path=TEXTS,
    status=st.integers(100, 599),
    answer=TEXTS,
    who=TEXTS,
    access=st.sampled_from(["granted", "missing", "wrong"]),
    sent=st.none() | TEXTS,
    sent_headers=HEADERS,
    headers=HEADERS,
    notes=st.dictionaries(TEXTS, st.booleans() | st.integers(), max_size=2),
)
ATTEMPTS = st.builds(
    Attempt, at=TIMES, url=TEXTS, body=TEXTS, outcome=st.integers(100, 599) | st.just("timeout"), took=TIMES
)


NUMBERS = st.integers(-3, 200) | st.just(10**400) | st.floats(allow_nan=False)
LEAVES = st.none() | st.booleans() | NUMBERS | st.text(max_size=4)
ANY = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
SHAPED = st.dictionaries(NAMES, ANY, max_size=8)
ROUTES = st.sampled_from(
    ["/v1/videos/generations", "/v1/credits", f"/v1/tasks/{ID}", "/v1/tasks/x", "/v1/tasks/", "/v2"]
)
NOTES = st.dictionaries(
    st.sampled_from(["age", "settled", "remaining", "priced", "length", "fails", "ended", "listens"]), ANY
)
FOREIGN = st.builds(
    Call,
    at=st.floats(0, 1e5),
    method=st.sampled_from(["GET", "POST"]),
    path=ROUTES,
    status=st.sampled_from([200, 200, 201, 400, 401, 403, 404, 409, 500]),
    answer=(ANY | SHAPED).map(json.dumps) | st.text(max_size=5),
    who=st.sampled_from("ab"),
    sent=st.none() | (ANY | SHAPED).map(json.dumps),
    sent_headers=st.dictionaries(st.sampled_from(["idempotency-key", "content-type"]), st.text(max_size=20)),
    notes=NOTES,
)
CALLED = st.builds(
    Attempt,
    at=st.floats(0, 1e5),
    url=st.text(max_size=5),
    body=(ANY | SHAPED).map(json.dumps),
    outcome=st.sampled_from([200, 302, 500, "timeout"]),
    headers=HEADERS,
)
