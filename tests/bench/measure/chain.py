"""A callback that fails three times, on a manual clock, to a receiver in the process.

`python -m tests.bench.measure.chain N` prints the median milliseconds of wall time.
"""

import sys
import time
from statistics import median

import httpx
from starlette.types import Receive, Scope, Send

from evolink_mock import InProcessTransport, Settings, create_app
from tests.bench.measure.traffic import BODY, CALLBACK_URL, CREATE_PATH, KEY

FAILURES = 3
ORIGIN = "https://app.example.com"


class Failing:
    """Answers 500 three times, then 200, over and over."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        status = 500 if self.asked % (FAILURES + 1) else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def main(repeats: int) -> float:
    receiver = Failing()
    app = create_app(Settings(clock="manual", generation_time="10s"), receivers={ORIGIN: receiver})
    took = []
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(transport=InProcessTransport(app), base_url="http://bench.test", headers=headers) as client:
        for _ in range(repeats):
            assert client.post(CREATE_PATH, json={**BODY, "callback_url": CALLBACK_URL}).status_code == 200
            began = time.perf_counter()
            client.post("/__mock/clock", json={"advance": "20s"})
            took.append((time.perf_counter() - began) * 1000)
    assert receiver.asked == repeats * (FAILURES + 1)
    return median(took)


if __name__ == "__main__":
    print(main(int(sys.argv[1])), flush=True)
