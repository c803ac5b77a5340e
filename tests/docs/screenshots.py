"""Screenshots of the timeline for the documents, taken in a real browser: `make screenshots`."""

from pathlib import Path

import httpx
from playwright.sync_api import expect

from tests.support.emulator import DOCUMENTED, bearer
from tests.support.pages.browser import opened_page
from tests.support.server_process import Server

KEY = "sk-local"
HOME = Path(__file__).parents[2] / "docs" / "images"
TASKS: tuple[tuple[str, str | None], ...] = (
    ("", "https://sink.mock/200"),
    ("", "https://sink.mock/500,302,200"),
    ("fail=content_policy_violation", "https://sink.mock/404"),
    ("slow_finish=8s", None),
    ("cancel=failed", "https://sink.mock/200"),
    ("delivery=duplicate", "https://sink.mock/200"),
)
PROMPTS = ("A cat playing piano", "A lighthouse in a storm", "Rain on a tin roof", "A paper boat", "Northern lights")


def act(client: httpx.Client) -> str:
    """Some tasks, one after the other; the id of one whose callback was sent three times."""
    made: list[str] = []
    for scenario, callback in TASKS * 4:
        headers = {"x-mock-scenario": scenario} if scenario else {}
        body = {
            **DOCUMENTED,
            "prompt": PROMPTS[len(made) % len(PROMPTS)],
            **({"callback_url": callback} if callback else {}),
        }
        made.append(client.post("/v1/videos/generations", json=body, headers=headers).json()["id"])
        for _ in range(2):
            client.post("/__mock/clock", json={"advance": "700ms"})
            client.get(f"/v1/tasks/{made[max(0, len(made) - 3)]}")
    return str(made[7])


def main() -> None:
    HOME.mkdir(exist_ok=True)
    with Server("--clock", "manual") as server, opened_page() as (page, _):
        with httpx.Client(base_url=server.url, headers=bearer(KEY)) as client:
            task = act(client)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": 1280, "height": 720})
            page.goto(f"{server.url}/__mock/ui#task={task}")
            expect(page.locator("#detail")).to_contain_text("Callback")
            expect(page.locator("#count")).to_have_text(f"{4 * len(TASKS)} of {4 * len(TASKS)} tasks")
            page.wait_for_function("document.querySelectorAll('#names button').length > 5")
            page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            page.screenshot(path=HOME / f"timeline-{scheme}.png")
            page.set_viewport_size({"width": 390, "height": 720})
            page.screenshot(path=HOME / f"timeline-phone-{scheme}.png")
            page.goto("about:blank")


if __name__ == "__main__":
    main()
