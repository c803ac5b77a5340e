"""The requests that are measured, and what the bare application answers to them."""

import json
from collections.abc import Iterable
from typing import NamedTuple

KEY = "sk-bench"
CREATE_PATH = "/v1/videos/generations"
BODY: dict[str, object] = {
    "model": "wan2.6-image-to-video-flash",
    "prompt": "A cat playing piano",
    "image_urls": ["https://example.com/image1.png"],
    "duration": 5,
}
CALLBACK_URL = "https://app.example.com/hook"
EXAMPLE_ID = "task-unified-1757169743-7cvnl5zw"
CREATED: dict[str, object] = {
    "created": 1757169743,
    "id": EXAMPLE_ID,
    "model": "wan2.6-image-to-video-flash",
    "object": "video.generation.task",
    "progress": 0,
    "status": "pending",
    "task_info": {"can_cancel": True, "estimated_time": 120},
    "type": "video",
    "usage": {"billing_rule": "per_second", "credits_reserved": 11.9, "user_group": "default"},
}
COMPLETED: dict[str, object] = {
    "created": 1757169743,
    "id": EXAMPLE_ID,
    "model": "wan2.6-image-to-video-flash",
    "object": "video.generation.task",
    "progress": 100,
    "status": "completed",
    "task_info": {"can_cancel": False},
    "type": "video",
    "results": [f"http://127.0.0.1:44733/media/4d6a706f139d3091f29543a6/{EXAMPLE_ID}.mp4"],
}


class Request(NamedTuple):
    """One HTTP request."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def raw(self, host: str) -> bytes:
        """As it goes over the wire, on a connection that is kept."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}", *(f"{name}: {v}" for name, v in self.headers)]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def create(key: str = KEY, path: str = CREATE_PATH) -> Request:
    headers = (("Authorization", f"Bearer {key}"), ("Content-Type", "application/json"))
    return Request("POST", path, headers, json.dumps(BODY, separators=(",", ":")).encode())


def query(task: str, key: str = KEY) -> Request:
    return Request("GET", f"/v1/tasks/{task}", (("Authorization", f"Bearer {key}"),))


def queries(tasks: Iterable[str], key: str = KEY) -> list[Request]:
    return [query(task, key) for task in tasks]


def let_all_end(key: str = KEY) -> Request:
    """Moves the clock past the end of every task of a key, and has them settled."""
    return create(key, "/__mock/clock")._replace(body=b'{"advance": "60s"}')
