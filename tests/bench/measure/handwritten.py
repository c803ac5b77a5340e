"""What a person would write by hand in FastAPI within the hour: tasks in a dict, states by elapsed time."""

# mypy: ignore-errors
# FastAPI is there only in the environment that the peers are installed into.

import secrets
import time
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, HttpUrl

app = FastAPI()
bearer = HTTPBearer()
tasks = {}


class Generation(BaseModel):
    model: Literal["wan2.6-image-to-video-flash"]
    prompt: str
    image_urls: list[HttpUrl]
    duration: int = 5


def shown(task_id):
    task = tasks[task_id]
    elapsed = time.time() - task["created"]
    progress = min(int(elapsed / 5 * 100), 100)
    status = "pending" if elapsed < 1 else "processing" if progress < 100 else "completed"
    body = {
        "created": int(task["created"]),
        "id": task_id,
        "model": task["request"].model,
        "object": "video.generation.task",
        "progress": progress,
        "status": status,
        "task_info": {"can_cancel": status == "pending", "estimated_time": 120},
        "type": "video",
        "usage": {"billing_rule": "per_second", "credits_reserved": 11.9, "user_group": "default"},
    }
    if status == "completed":
        body["results"] = [f"http://127.0.0.1/media/{task_id}.mp4"]
    return body


@app.get("/health")
async def health():
    return {"status": "ok"}


@app.post("/v1/videos/generations")
async def create(request: Generation, _: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]):
    created = time.time()
    task_id = f"task-unified-{int(created)}-{secrets.token_hex(4)}"
    tasks[task_id] = {"created": created, "request": request}
    return shown(task_id)


@app.get("/v1/tasks/{task_id}")
async def query(task_id: str, _: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]):
    if task_id not in tasks:
        raise HTTPException(404, "Task not found")
    return shown(task_id)
