"""Session of one command: its client, and the end by an error or a signal, with the way to go on."""

import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from evolink_client._cli_output import NotPrinted, progress_bar, say, show
from evolink_client._client import EvolinkClient, Video
from evolink_client._errors import (
    ApiError,
    ConnectionFailed,
    EvolinkError,
    InvalidRequest,
    LinkExpired,
    NotConfigured,
    ServerError,
    TaskFailed,
    UnexpectedAnswer,
    WaitTimedOut,
)
from evolink_client._models import Task

EXIT_CODES = {
    0: "success",
    1: "an error response, or no response, or a file could not be written",
    2: "wrong usage",
    3: "the task ended without a video",
    4: "the task did not end before the time-out",
    129: "ended by SIGHUP",
    130: "interrupted by Ctrl+C",
    143: "ended by SIGTERM",
}
_CODES: tuple[tuple[type[EvolinkError], int], ...] = (
    (InvalidRequest, 2),
    (NotConfigured, 2),
    (TaskFailed, 3),
    (WaitTimedOut, 4),
    (EvolinkError, 1),
)
_OPTIONS = {
    "prompt": "PROMPT",
    "image_url": "--image",
    "audio_url": "--audio",
    "idempotency_key": "--idempotency-key",
    "callback_url": "--callback-url",
    "shot_type": "--shot-type",
    "duration": "--duration",
    "quality": "--quality",
}
"""The option of the command for a field of a request."""
_SIGNALS = ("SIGTERM", "SIGHUP")


class Address(NamedTuple):
    """The base URL of the service, if one was given, and whether an option gave it."""

    base_url: str | None
    by_option: bool


class _Ended(BaseException):
    """A signal ended the command."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Session:
    """The state of a command: the client, the task, and what is being done."""

    def __init__(self, client: EvolinkClient, address: Address, as_json: bool) -> None:
        self.client = client
        self.as_json = as_json
        self._address = address
        self._task: Task | None = None
        self._task_id = ""
        self._key = ""
        self._stage = ""
        self._out: Path | None = None

    def create(self, key: str) -> None:
        """A create with this idempotency key begins."""
        self._stage, self._key = "create", key

    def created(self, task: Task) -> None:
        """The task was created."""
        self._stage, self._task, self._task_id = "created", task, task.id

    def wait(self, task_id: str, timeout: float, out: Path | None) -> Video:
        """Wait for a video. The id is printed before, since the task goes on if this command ends."""
        doing = "created, waiting" if self._stage == "created" else "waiting"
        # Before the line is printed, since an interruption may follow it at once.
        self._stage, self._task_id, self._out = "wait", task_id, out
        say(f"{task_id}: {doing}")
        with progress_bar(task_id) as move:

            def seen(task: Task) -> None:
                self._task = task
                move(task.progress, 100, task.status)

            video = self.client.tasks.wait(task_id, timeout, seen)
        self._stage = "finished"
        return video

    def get_finished(self, task_id: str, out: Path) -> Video:
        """The video of a completed task. Raises `TaskFailed` or `WaitTimedOut` for another one."""
        self._stage, self._task_id, self._out = "wait", task_id, out
        self._task = task = self.client.tasks.get(task_id)
        if not task.results:
            raise TaskFailed(task) if task.ended else WaitTimedOut(task, 0)
        return Video(self.client, task)

    def download(self, video: Video, file: Path) -> int:
        self._stage, self._task, self._out = "download", video.task, file
        with progress_bar(file.name) as move:
            size = video.download(file, lambda so_far, total: move(so_far, total, "fetching"))
        self._stage = ""
        return size

    def resume(self) -> str:
        """The sentence about the task, and the command that goes on where this one ended; empty if there is none."""
        task, out = shlex.quote(self._task_id), shlex.quote(str(self._out))
        address = f" --base-url {shlex.quote(self._address.base_url or '')}" if self._address.by_option else ""
        if self._stage == "create":
            return (
                "It is not known whether a task was created and billed. The same command with "
                f"--idempotency-key {self._key} finds that task, or creates it once"
            )
        if self._stage == "created":
            return f"{task} was created; evolink wait {task}{address} waits for it"
        if self._stage == "finished":
            return f"{task} is completed; evolink wait {task}{address} prints its link"
        if self._stage == "wait":
            saved = f" --out {out}" if self._out is not None else ""
            return f"{task} goes on; evolink wait {task}{saved}{address} waits for it again"
        if self._stage == "download":
            return f"{task} is completed; evolink download {task} {out}{address} fetches it again"
        return ""

    def resume_after(self, error: EvolinkError) -> str:
        """The same after an error, unless that says that there is nothing to go on with."""
        if self._stage == "create":
            unknown = isinstance(error, ServerError) or (isinstance(error, ConnectionFailed) and error.sent)
            accepted = isinstance(error, UnexpectedAnswer) and error.status < 400
            return self.resume() if unknown or accepted else ""
        ended = isinstance(error, TaskFailed | LinkExpired)
        refused = isinstance(error, ApiError) and self._task is None
        return "" if ended or refused else self.resume()

    def show_task(self) -> None:
        """Print the task that goes on, for a script: its id, or the last answer about it as JSON."""
        if self._task_id and self._stage:
            show(self._task or {"id": self._task_id}, self._task_id, self.as_json)


@contextmanager
def session(address: Address, as_json: bool) -> Iterator[Session]:
    """The session of a command, which exits after an error, an interruption or a signal."""
    if not os.environ.get("EVOLINK_API_KEY", "").strip():
        _fail("there is no API key: set EVOLINK_API_KEY", 2)
    current: Session | None = None
    try:
        with _signals(), EvolinkClient(base_url=address.base_url) as client:
            current = Session(client, address, as_json)
            yield current
    except (KeyboardInterrupt, _Ended) as interruption:
        number = interruption.number if isinstance(interruption, _Ended) else int(signal.SIGINT)
        _interrupted(current, number)
    except EvolinkError as error:
        after = "" if current is None else current.resume_after(error)
        _fail(_message(error), next(code for kind, code in _CODES if isinstance(error, kind)), after, current)
    except NotPrinted as error:
        _fail(f"cannot write the standard output: {error}", 1, "" if current is None else current.resume())
    except OSError as error:
        after = "" if current is None else current.resume()
        _fail(f"cannot write {error.filename or 'a file'}: {error.strerror}", 1, after, current)


def _message(error: EvolinkError) -> str:
    """The text of an error, with the name of the option in place of a field's."""
    if isinstance(error, InvalidRequest):
        return f"{_OPTIONS.get(error.field, error.field)} {error.message}"
    return str(error)


def _interrupted(current: Session | None, number: int) -> None:
    how = "Interrupted" if number == signal.SIGINT else f"Ended by {signal.Signals(number).name}"
    after = "" if current is None else current.resume()
    say(f"\n{how}. {after}".rstrip())
    if current is not None:
        with suppress(NotPrinted):
            current.show_task()
    sys.exit(128 + number)


def _fail(sentence: str, code: int, after: str = "", current: Session | None = None) -> None:
    """Exit with an error. If a task goes on, print how to go on with it and, for a script, its id."""
    say(f"Error: {sentence}" + (f"\n{after}" if after else ""))
    if after and current is not None:
        with suppress(NotPrinted):
            current.show_task()
    sys.exit(code)


@contextmanager
def _signals() -> Iterator[None]:
    """Let the signals that end a process end the command with its last words, unless they are ignored."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)):
            if signal.getsignal(number) == signal.SIG_DFL:
                before[number] = signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> None:
    raise _Ended(number)
