"""A real browser plays what the emulator's links lead to, on a page of another origin, and jumps in it."""

import json

import httpx
import pytest

from tests.support.emulator import DOCUMENTED, bearer
from tests.support.pages.browser import opened_page
from tests.support.server_process import Server

pytestmark = pytest.mark.slow

PAGE = """<!doctype html><video muted preload="auto" src={link}></video><script>
const video = document.querySelector('video');
window.seen = [];
for (const name of ['loadedmetadata', 'seeked', 'ended', 'error'])
  video.addEventListener(name, () => window.seen.push(name));
</script>"""


def finished(server: Server, **fields: object) -> str:
    """The link of a video on an automatic clock."""
    created = httpx.post(f"{server.url}/v1/videos/generations", json={**DOCUMENTED, **fields}, headers=bearer())
    path = f"{server.url}/v1/tasks/{created.json()['id']}"
    for _ in range(10):
        body = httpx.get(path, headers=bearer()).json()
        if body["status"] == "completed":
            return str(body["results"][0])
    raise AssertionError(body)


@pytest.mark.parametrize("maker", ["plain", "best"])
def test_it_reaches_its_end_in_a_browser(maker: str) -> None:
    with Server("--clock", "auto", "--set", f"result_video={maker}") as server, opened_page() as (page, noticed):
        link = finished(server, duration=2)
        page.set_content(PAGE.format(link=json.dumps(link)))
        page.wait_for_function("seen.includes('loadedmetadata')")
        assert page.evaluate("[video.videoWidth, video.videoHeight, video.duration]") == [1280, 720, 2]
        page.evaluate("video.currentTime = 1.5")
        page.wait_for_function("seen.includes('seeked')")
        page.evaluate("video.play()")
        page.wait_for_function("seen.includes('ended')")
        assert "error" not in page.evaluate("seen")
        assert [line for line in noticed if not line.startswith("asks for")] == []
