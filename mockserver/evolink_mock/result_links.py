"""Where the links of results lead: to the video of a task, whole or in parts, for as long as the documents say."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from evolink_contracts.spec.timing import RESULT_LINK
from evolink_mock.core.byte_range import Unsatisfiable, matches, part_of
from evolink_mock.core.duration import SECOND
from evolink_mock.core.lifecycle import state_of
from evolink_mock.core.task import Task
from evolink_mock.errors import Answer, refuse
from evolink_mock.exchange import Call, Handler
from evolink_mock.media.plain import make
from evolink_mock.media.video import Video, video_of

_KEPT = 32
"""Videos that are kept, the ones that were asked for last."""
# Any page may show a video, as those of a content network can be shown.
_ANYWHERE = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"accept-ranges, content-length, content-range, etag"),
)


class Result(NamedTuple):
    """The bytes of a video, and their entity tag."""

    content: bytes
    etag: str


def get(call: Call) -> Answer:
    """GET the video of a completed task, or the part that `Range` asks for, for 24 hours after completion (S1a)."""
    found = _task(call)
    if isinstance(found, Answer):
        return found
    name = call.path["name"]
    result = _result(video_of(name, found))
    headers = (
        *_ANYWHERE,
        (b"accept-ranges", b"bytes"),
        (b"etag", result.etag.encode()),
        (b"content-disposition", b'inline; filename="%s.mp4"' % name.encode()),
    )
    answer = Answer(200, result.content, headers, b"video/mp4", name)
    if matches(_header(call, b"if-none-match"), result.etag):
        answer.status, answer.body = 304, b""
        return answer
    try:
        part = part_of(len(result.content), _header(call, b"range"), _header(call, b"if-range"), result.etag)
    except Unsatisfiable:
        refused = refuse("any", "range_not_satisfiable")
        size = b"bytes */%d" % len(result.content)
        refused.task, refused.headers = name, (*headers, (b"content-range", size))
        return refused
    if part is not None:
        answer.status = 206
        answer.body = result.content[part.first : part.first + part.length]
        answer.headers = (*headers, (b"content-range", part.content_range.encode()))
    return answer


def head(call: Call) -> Answer:
    """What GET says of the whole video; a part can be asked for by GET alone."""
    call.headers = {name: value for name, value in call.headers.items() if name != b"range"}
    return get(call)


def preflight(call: Call) -> Answer:
    """A browser asks whether a page may ask for parts."""
    allowed = ((b"access-control-allow-methods", b"GET, HEAD"), (b"access-control-allow-headers", b"range, if-range"))
    return Answer(204, b"", (*_ANYWHERE, *allowed))


HANDLERS: Mapping[str, Handler] = {"GET": get, "HEAD": head, "OPTIONS": preflight}


def _task(call: Call) -> Task | Answer:
    name = call.path["name"]
    task = call.world.find(name, call.now)
    state = task and state_of(task, call.now)
    if task is None or state is None or state.status != "completed" or state.ended is None:
        return refuse("any", "link_not_found", "No video at this address: its task is unknown, forgotten or unfinished")
    if call.now >= task.created + state.ended + RESULT_LINK.seconds * SECOND:
        hours = RESULT_LINK.seconds // 3600
        message = f"This link has expired: result links are valid for {hours} hours after completion"
        expired = refuse("any", "link_expired", message)
        expired.task = name
        return expired
    return task


@lru_cache(_KEPT)
def _result(video: Video) -> Result:
    content = make(video)
    return Result(content, f'"{sha256(content).hexdigest()[:32]}"')


def _header(call: Call, name: bytes) -> str | None:
    value = call.headers.get(name)
    return None if value is None else value.decode("latin-1")
