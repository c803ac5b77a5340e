"""A page of another origin, in a real browser: it uses the whole API with its key, and not the control API."""

import base64
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.emulator import bearer
from tests.support.media.media_samples import jpeg
from tests.support.pages.browser import opened_page
from tests.support.receivers import Receiver, whole
from tests.support.server_process import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

KEY = "sk-page"
PAGE = b"<!doctype html><meta charset=utf-8><title>Postcards</title><video muted></video>"
CALLS = """
window.call = async (url, init = {}) => {
  const headers = { Authorization: `Bearer ${KEY}`, ...init.headers };
  const response = await fetch(url, { ...init, headers });
  return [response.status, await response.json(), response.headers.get('x-request-id')];
};
window.attempt = (url, init) => fetch(url, init).then((response) => response.status, (error) => error.name);
"""
MAKE = """async ([url, image]) => {
  const bytes = Uint8Array.from(atob(image), (letter) => letter.charCodeAt(0));
  const form = new FormData();
  form.append('file', new File([bytes], 'café.jpg', { type: 'image/jpeg' }));
  const uploaded = await call(`${url}/api/v1/files/upload/stream`, { method: 'POST', body: form });
  const before = await call(`${url}/v1/credits`);
  const fields = { model: 'wan2.6-image-to-video-flash', prompt: 'A cat', duration: 2 };
  const created = await call(`${url}/v1/videos/generations`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'postcard-00000001' },
    body: JSON.stringify({ ...fields, image_urls: [uploaded[1].data.file_url] }),
  });
  let task = created;
  for (let left = 100; left > 0 && !['completed', 'failed'].includes(task[1].status); left--)
    task = await call(`${url}/v1/tasks/${created[1].id}`);
  const after = await call(`${url}/v1/credits`);
  return { uploaded, before, created, task, after };
}"""
PLAY = """async (link) => {
  const video = document.querySelector('video');
  const ended = new Promise((resolve) => {
    for (const name of ['ended', 'error']) video.addEventListener(name, () => resolve(name));
  });
  video.src = link;
  await video.play();
  video.currentTime = 1.5;
  return [await ended, (await (await fetch(link)).blob()).type];
}"""

pytestmark = pytest.mark.slow


@pytest.fixture
def page() -> "Iterator[Page]":
    """A page of an origin of its own."""
    with Receiver(whole(200, PAGE, "Content-Type: text/html")) as elsewhere, opened_page() as (page, _):
        page.goto(elsewhere.place)
        page.evaluate(CALLS.replace("KEY", repr(KEY)))
        yield page


def test_it_uploads_creates_polls_reads_credits_and_plays_the_video(page: "Page") -> None:
    with Server("--clock", "auto") as server:
        made = page.evaluate(MAKE, [server.url, base64.b64encode(jpeg()).decode()])
        assert {name: answer[0] for name, answer in made.items()} == dict.fromkeys(made, 200)
        assert all(request_id for _, _, request_id in made.values())
        assert made["task"][1]["status"] == "completed"
        used = [made[name][1]["data"]["token"]["used_credits"] for name in ("before", "after")]
        assert used == [0, made["created"][1]["usage"]["credits_reserved"]]
        assert page.evaluate(PLAY, made["task"][1]["results"][0]) == ["ended", "video/mp4"]


def test_it_reads_the_body_of_a_refused_request(page: "Page") -> None:
    with Server() as server:
        status, body, _ = page.evaluate("url => call(url + '/v1/tasks/x')", server.url)
    assert (status, body["error"]["code"]) == (400, "invalid_task_id")


SIMPLE = {"method": "POST", "headers": {"Content-Type": "text/plain"}, "body": '{"advance":"8s"}'}
"""A request that a browser sends without a preflight."""


@pytest.mark.parametrize(
    "init",
    [{}, SIMPLE, SIMPLE | {"mode": "no-cors"}, {"method": "POST", "body": '{"advance":"8s"}', "headers": bearer(KEY)}],
    ids=["read", "simple", "opaque", "preflight"],
)
def test_it_neither_reads_nor_moves_the_clock(page: "Page", init: dict[str, Any]) -> None:
    with Server("--clock", "manual") as server:
        before = httpx.get(f"{server.url}/__mock/clock", headers=bearer(KEY)).json()["now"]
        seen = page.evaluate("([url, init]) => attempt(url + '/__mock/clock', init)", [server.url, init])
        # The status of an opaque response is 0.
        assert seen in ("TypeError", 0)
        assert httpx.get(f"{server.url}/__mock/clock", headers=bearer(KEY)).json()["now"] == before


def test_nothing_is_allowed_to_it_where_cors_is_off(page: "Page") -> None:
    with Server("--set", "cors=off") as server:
        for path in ("/v1/credits", "/v1/videos/generations", "/api/v1/files/list"):
            init = {"headers": bearer(KEY)}
            assert page.evaluate("([url, init]) => attempt(url, init)", [server.url + path, init]) == "TypeError"
