"""Where the links of results lead: to the video of a task, whole or in parts, for as long as the documents say."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from hashlib import sha256

from evolink_contracts.spec.timing import RESULT_LINK
from evolink_mock.api.endpoint import Handler, Headers, Request
from evolink_mock.api.file_response import fill_file_response, preflight, without_range
from evolink_mock.api.responses import Result, error_result
from evolink_mock.core.duration import SECOND
from evolink_mock.core.lifecycle import state_of
from evolink_mock.core.task import Task
from evolink_mock.media import placeholder as plain
from evolink_mock.media.cache import FileCache
from evolink_mock.media.video import Video, video_of
from evolink_mock.settings import MEDIA, Settings

log = logging.getLogger("evolink_mock")

_AT_ONCE = 2
"""Videos that are made at a time, so that a core is left for everybody else."""


class ResultVideos:
    """Makes each video when it is first asked for; one that takes its time is kept on the shelf."""

    def __init__(self, settings: Settings, shelf: FileCache) -> None:
        self._best = MEDIA and settings.result_video == "best"
        self._shelf = shelf
        self._making: dict[str, asyncio.Task[bytes]] = {}
        self._free = asyncio.Semaphore(_AT_ONCE)

    def handlers(self) -> Mapping[str, Handler]:
        return {"GET": self.get, "HEAD": self.head, "OPTIONS": preflight}

    def get(self, call: Request) -> Result:
        """GET the video of a completed task, or the part that `Range` asks for, for 24 hours after completion (S1a)."""
        found = _task(call)
        if isinstance(found, Result):
            return found
        name = call.path["name"]
        video = video_of(name, found)
        if video.image is not None:
            # Of one picture, all tasks that ask for the same have the same video.
            video = video._replace(name="")
        answer = Result(200, b"", content_type=b"video/mp4", task=name)
        if not self._best:
            fill_file_response(answer, call.headers, plain.encode_placeholder(video, self._shelf.get), f"{name}.mp4")
            return answer
        kept = _name_of(video)
        content = self._shelf.get(kept)
        if content is None:
            answer.pending = partial(self._make, answer, call.headers, video, kept, f"{name}.mp4")
        else:
            fill_file_response(answer, call.headers, content, f"{name}.mp4")
        return answer

    def head(self, call: Request) -> Result:
        """What GET says of the whole video; a part can be asked for by GET alone."""
        return self.get(without_range(call))

    async def _make(self, answer: Result, headers: Headers, video: Video, kept: str, filename: str) -> None:
        """However many ask for it meanwhile, it is made once."""
        making = self._making.get(kept)
        if making is None:
            making = self._making[kept] = asyncio.create_task(self._made(video, kept))
            making.add_done_callback(lambda _: self._making.pop(kept, None))
        try:
            content = await asyncio.shield(making)
        except Exception:
            log.exception("%s could not be made", filename)
            refused = error_result("any", "internal_error", "The video could not be made; the emulator's log says why")
            answer.status, answer.body, answer.content_type = refused.status, refused.body, refused.content_type
            return
        fill_file_response(answer, headers, content, filename)

    async def _made(self, video: Video, kept: str) -> bytes:
        async with self._free:
            return await asyncio.to_thread(self._make_and_keep, video, kept)

    def _make_and_keep(self, video: Video, kept: str) -> bytes:
        # Imported where it is needed, since it takes as long as all the rest.
        from evolink_mock.media import encoder as moving

        files = {digest: self._shelf.get(digest) for digest in (video.image, video.audio) if digest is not None}
        content = moving.encode(video, files.get)
        # Without a file that was given up it is another video than the next task may have.
        if None not in files.values():
            self._shelf.put(kept, content)
        return content


def _name_of(video: Video) -> str:
    return sha256(repr(video).encode()).hexdigest()


def _task(call: Request) -> Task | Result:
    name = call.path["name"]
    task = call.world.find(name, call.now)
    state = task and state_of(task, call.now)
    if task is None or state is None or state.status != "completed" or state.ended is None:
        return error_result(
            "any", "link_not_found", "No video at this address: its task is unknown, forgotten or unfinished"
        )
    if call.now >= task.created + state.ended + RESULT_LINK.seconds * SECOND:
        hours = RESULT_LINK.seconds // 3600
        message = f"This link has expired: result links are valid for {hours} hours after completion"
        expired = error_result("any", "link_expired", message)
        expired.task = name
        return expired
    return task
