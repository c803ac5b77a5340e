"""Determinism: equal seeds and requests on a manual clock give equal bytes, in any process."""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.webhook_receiver import deliveries

ROOT = Path(__file__).parents[3]
SCENARIOS = """
[[rule]]
operation = "create"
[rule.weights]
"ok" = 5
"fail=service_error" = 2
"create=rate_limited; create_latency=1s-3s" = 1
"polls=2" = 1
"create=commit_then_drop" = 1
"create=html_502" = 1
"delivery=duplicate; actual_duration=1500ms" = 1

[[rule]]
operation = "query"
[rule.weights]
"ok" = 6
"query=internal_error" = 1
"query_latency=lognormal:800ms:0.5" = 2
"query=reset_midway" = 1
"query=truncated_json" = 1
"""


def transcript(seed: int) -> str:
    """A digest of everything that a session of 200 requests puts on the wire, and of all callbacks."""
    digest = hashlib.sha256()

    def note(*parts: object) -> None:
        digest.update(repr(parts).encode())

    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "scenarios.toml"
        file.write_text(SCENARIOS, encoding="utf-8")
        with Emulator.in_process(seed=seed, generation_time="quick", scenarios=str(file)) as emulator:
            for number in range(50):
                body = DOCUMENTED | {"duration": 2 + number % 14, "callback_url": "https://sink.mock/500,200"}
                name = emulator.control("tasks?limit=1")["tasks"]
                path = f"/v1/tasks/{name[0]['id'] if name else 'task-unified-0'}"
                for method, asked, sent in (
                    ("POST", "/v1/videos/generations", {"json": body}),
                    ("GET", path, {}),
                    ("GET", path, {}),
                    ("GET", "/v1/credits", {}),
                ):
                    try:
                        answer = emulator.request(method, asked, **sent)
                    except httpx.TransportError as error:
                        note(type(error), str(error))
                    else:
                        note(answer.status_code, answer.headers.raw, answer.content)
                emulator.advance("700ms")
            emulator.advance("60s")
            for row in emulator.control("inbox")["rows"]:
                note(row)
            for delivery in deliveries(emulator):
                for attempt in delivery["attempts"]:
                    attempt.pop("latency_ms")  # Of the wall's time.
                note(delivery)
    return digest.hexdigest()


def test_equal_seeds_give_equal_transcripts_and_others_differ() -> None:
    assert transcript(1) == transcript(1) != transcript(2)


def test_another_process_gives_the_same_transcript() -> None:
    code = "from tests.mockserver.worlds.test_determinism import transcript; print(transcript(1))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == transcript(1)
