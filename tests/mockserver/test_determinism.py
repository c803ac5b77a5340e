"""The same seed and the same requests on a manual clock give the same bytes, in any process."""

import hashlib
import subprocess
import sys
from pathlib import Path

from support import DOCUMENTED, Emulator

TESTS = Path(__file__).parent.parent


def transcript(seed: int) -> str:
    """A digest of everything a session of 60 requests puts on the wire."""
    digest = hashlib.sha256()
    with Emulator.in_process(seed=seed, generation_time="quick") as emulator:
        for number in range(20):
            answers = [emulator.post(DOCUMENTED | {"duration": 2 + number % 14})]
            emulator.advance("700ms")
            answers.append(emulator.query(answers[0].json()["id"]))
            answers.append(emulator.request("GET", "/v1/credits"))
            for answer in answers:
                digest.update(repr((answer.status_code, answer.headers.raw, answer.content)).encode())
    return digest.hexdigest()


def test_one_seed_gives_one_transcript_and_another_gives_another() -> None:
    assert transcript(1) == transcript(1) != transcript(2)


def test_another_process_gives_the_same_transcript() -> None:
    code = "from mockserver.test_determinism import transcript; print(transcript(1))"
    run = subprocess.run([sys.executable, "-c", code], cwd=TESTS, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == transcript(1)
