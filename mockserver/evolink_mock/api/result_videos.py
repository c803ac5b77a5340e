"""Result links: the video of a completed task, whole or in parts, for as long as the documents say."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from hashlib import sha256

from msgspec.structs import replace

from evolink_contracts.spec.timing import Lifetime
from evolink_mock.api.endpoint import Handler, Request
from evolink_mock.api.file_response import file_response, preflight, without_range
from evolink_mock.api.headers import Headers
from evolink_mock.api.responses import Outcome, Pending, Result, error_result
from evolink_mock.core.duration import SECOND
from evolink_mock.core.lifecycle import state_of
from evolink_mock.core.request_headers import is_urllib
from evolink_mock.core.task import Task
from evolink_mock.media.cache import FileCache
from evolink_mock.media.placeholder import encode_placeholder
from evolink_mock.media.video import Video, video_of
from evolink_mock.settings import MEDIA, Settings

log = logging.getLogger("evolink_mock")

_AT_ONCE = 2
"""Videos that are encoded at a time, so that a core is left for other requests."""

_FORBIDDEN = error_result(
    "any",
    "link_forbidden",
    "This link is refused to the User-Agent of Python's urllib, as it was by the service (user_agent = strict); "
    "send a User-Agent of your own",
)


class ResultVideos:
    """Encodes each video when it is first asked for, and caches those that take long."""

    def __init__(self, settings: Settings, cache: FileCache, lifetime: Lifetime) -> None:
        self._lifetime = lifetime
        self._refuses_urllib = settings.choices.user_agent == "strict"
        self._best = MEDIA and settings.result_video == "best"
        self._cache = cache
        self._encoding: dict[str, asyncio.Task[bytes]] = {}
        self._free = asyncio.Semaphore(_AT_ONCE)

    def handlers(self) -> Mapping[str, Handler]:
        return {"GET": self.get, "HEAD": self.head, "OPTIONS": preflight}

    def get(self, request: Request) -> Outcome:
        """GET the video of a completed task, or the part that `Range` asks for, for 24 hours after completion (S1a)."""
        found = self._task(request)
        if isinstance(found, Result):
            return found
        name = request.path["name"]
        video = video_of(name, found)
        if video.image is not None:
            # Tasks that ask for the same video of the same image share it.
            video = video._replace(name="")
        if not self._best:
            return _video_response(request.headers, name, encode_placeholder(video, self._cache.get))
        digest = sha256(repr(video).encode()).hexdigest()
        content = self._cache.get(digest)
        if content is None:
            encoded = partial(self._encoded, request.headers, name, video, digest)
            return Pending(encoded, cancelled=Result(200, b"", task=name))
        return _video_response(request.headers, name, content)

    def head(self, request: Request) -> Outcome:
        """The headers of GET for the whole video; a part can be asked for by GET alone."""
        return self.get(without_range(request))

    async def _encoded(self, headers: Headers, name: str, video: Video, digest: str) -> Result:
        """The response with a video that is encoded once, whatever number of requests wait for it."""
        encoding = self._encoding.get(digest)
        if encoding is None:
            encoding = self._encoding[digest] = asyncio.create_task(self._encode_when_free(video, digest))
            encoding.add_done_callback(lambda _: self._encoding.pop(digest, None))
        try:
            content = await asyncio.shield(encoding)
        except Exception:
            log.exception("%s.mp4 could not be encoded", name)
            error = error_result(
                "any", "internal_error", "The video could not be encoded; the emulator's log has the reason"
            )
            return replace(error, task=name)
        response = _video_response(headers, name, content)
        # The journal shows no whole video whose encoding was awaited.
        return replace(response, journal_response=b"") if response.status == 200 else response

    async def _encode_when_free(self, video: Video, digest: str) -> bytes:
        async with self._free:
            return await asyncio.to_thread(self._encode, video, digest)

    def _encode(self, video: Video, digest: str) -> bytes:
        # Imported late, since it takes as long to import as all the rest.
        from evolink_mock.media.encoder import encode

        files = {digest: self._cache.get(digest) for digest in (video.image, video.audio) if digest is not None}
        content = encode(video, files.get)
        # Where the cache has dropped a file, this is another video than the next task may have.
        if None not in files.values():
            self._cache.put(digest, content)
        return content

    def _task(self, request: Request) -> Task | Result:
        name = request.path["name"]
        task = request.world.tasks.find(name, request.now)
        about = None if task is None else name
        if self._refuses_urllib and is_urllib(request.headers.get(b"user-agent", b"")):
            return replace(_FORBIDDEN, task=about)
        state = task and state_of(task, request.now)
        if task is None or state is None or state.status != "completed" or state.ended is None:
            message = "No video at this address: its task is unknown, evicted or unfinished"
            return replace(error_result("any", "link_not_found", message), task=about)
        if request.now >= task.created + state.ended + self._lifetime.seconds * SECOND:
            hours = self._lifetime.seconds // 3600
            message = f"This link has expired: result links are valid for {hours} hours after completion"
            return replace(error_result("any", "link_expired", message), task=name)
        return task


def _video_response(headers: Headers, name: str, content: bytes) -> Result:
    return replace(file_response(headers, content, f"{name}.mp4", b"video/mp4"), task=name)
