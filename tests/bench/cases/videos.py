"""Videos as results: how long each maker takes, and what it costs everybody else while a picture is looked at.

`python -m tests.bench.cases.videos` prints seconds, bytes and ratios as JSON.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

import httpx
import numpy as np
from PIL import Image

from evolink_mock import Settings, create_app
from evolink_mock.media import encoder as moving
from evolink_mock.media import placeholder as plain
from evolink_mock.media.frame_size import Size
from evolink_mock.media.video import Video
from tests.bench.measure.cores import SERVER_CORE, on_core
from tests.bench.measure.plan import Plan, say
from tests.bench.measure.report import Row
from tests.bench.measure.servers import ROOT
from tests.bench.measure.traffic import BODY, CREATE_PATH, KEY

_SECONDS = 10
_CDN = "https://cdn.example.com"


def measure(plan: Plan) -> Iterator[Row]:
    say("videos and pictures")
    command = [sys.executable, "-m", "tests.bench.cases.videos"]
    with on_core(SERVER_CORE):
        printed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=300).stdout
    found = json.loads(printed)
    name = f"{_SECONDS} s of 1080p, plain Python"
    yield Row(name=name, unit="ms", ours=found["plain_ms"], goal=50, most=True)
    yield Row(name=f"{name}, size", unit="KB", ours=found["plain_kb"], goal=50, most=True)
    yield Row(name="720p with audio by PyAV, times real time", unit="", ours=found["moving"], goal=10)
    name = "p99 of queries while 10 MB images are validated"
    yield Row(name=name, unit="ms", ours=found["busy_ms"], bare=found["quiet_ms"], goal=2.0, most=True)


def photo(width: int, height: int) -> Image.Image:
    """Soft colours with some detail."""
    luck = np.random.default_rng(0)
    whole = np.zeros((height, width, 3))
    for grain, share in ((200, 0.6), (50, 0.25), (12, 0.1), (3, 0.05)):
        coarse = luck.integers(0, 255, (height // grain + 2, width // grain + 2, 3), dtype=np.uint8)
        whole += share * np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), float)
    return Image.fromarray(whole.clip(0, 255).astype(np.uint8))


def main() -> None:
    length = _SECONDS * 1_000_000
    began = time.perf_counter()
    made = plain.encode_placeholder(Video("task", Size(1920, 1080), length), lambda digest: None)
    found = {"plain_ms": 1000 * (time.perf_counter() - began), "plain_kb": len(made) / 1000}
    file = BytesIO()
    photo(1600, 900).save(file, "JPEG", quality=92)
    began = time.perf_counter()
    moving.encode(Video("task", Size(1280, 720), length, True, "picture"), lambda digest: file.getvalue())
    found["moving"] = _SECONDS / (time.perf_counter() - began)
    print(json.dumps(found | asyncio.run(_beside())))


async def _beside() -> dict[str, float]:
    """The same queries in quiet and beside creates with large pictures, in turns."""
    with TemporaryDirectory() as home:
        file = BytesIO()
        photo(2000, 2000).save(file, "PNG", compress_level=1)
        (Path(home) / "cat.png").write_bytes(file.getvalue().ljust(10 * 2**20, b"\0"))
        app = create_app(Settings(media_route={_CDN: home}))
        headers = {"Authorization": f"Bearer {KEY}"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://bench.test", headers=headers) as client:
            task = (await client.post(CREATE_PATH, json=BODY)).json()["id"]
            times: dict[str, list[float]] = {"quiet_ms": [], "busy_ms": []}
            body = {**BODY, "image_urls": [f"{_CDN}/cat.png"]}
            for _ in range(5):
                creating = asyncio.create_task(_create(client, body))
                while not creating.done():
                    await _ask(client, task, times["busy_ms"])
                for _ in range(len(times["busy_ms"]) - len(times["quiet_ms"])):
                    await _ask(client, task, times["quiet_ms"])
    return {name: 1000 * quantiles(taken, n=100)[98] for name, taken in times.items()}


async def _create(client: httpx.AsyncClient, body: dict[str, object]) -> None:
    for _ in range(4):
        assert (await client.post(CREATE_PATH, json=body)).status_code == 200


async def _ask(client: httpx.AsyncClient, task: str, times: list[float]) -> None:
    """One query, and a moment, as if it had come over a wire."""
    await asyncio.sleep(0.001)
    began = time.perf_counter()
    assert (await client.get(f"/v1/tasks/{task}")).status_code == 200
    times.append(time.perf_counter() - began)


if __name__ == "__main__":
    main()
