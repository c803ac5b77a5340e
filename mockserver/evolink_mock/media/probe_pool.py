"""Probe pool: child processes that decode input files, each ended where a file takes too much time or memory."""

import atexit
import json
import os
import struct
import subprocess
import sys
from contextlib import suppress
from threading import BoundedSemaphore, Lock, Timer

from evolink_mock.media.acceptance import Seen, Unreadable, decode_seen

CHILDREN = 2
"""Processes that decode, so that a core is left for requests."""
DEADLINE = 10.0
"""Seconds for a file; the largest that is accepted takes less than one."""
MEMORY = 1 << 30
"""Bytes of memory of a process that decodes; the largest file that is accepted takes a fifth of it."""

HEAD = struct.Struct(">?Q")
"""Before a file: whether it should be an image, and its length."""
LENGTH = struct.Struct(">Q")
"""Before a result."""
_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from evolink_mock.media.probe_child import serve; serve(int(sys.argv[2]))"
)
"""The child finds modules where this process does, however that was arranged."""


class ProbePool:
    """At most `CHILDREN` processes. Each is started when it is needed, and kept; they end with this process."""

    def __init__(self, deadline: float = DEADLINE, memory: int = MEMORY) -> None:
        self.deadline = deadline
        self._memory = memory
        self._turns = BoundedSemaphore(CHILDREN)
        self._lock = Lock()
        self._idle: list[_Child] = []
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):
            # The children of a process belong to it alone.
            os.register_at_fork(after_in_child=self._idle.clear)

    def warm_up(self) -> None:
        """Start one process, so that the first file does not wait for it."""
        with self._lock:
            if not self._idle:
                self._idle.append(_Child(self._memory))

    def probe(self, noun: str, content: bytes) -> Seen:
        """Facts of a file. Blocks; call it in a thread. Raises `OSError` where no process can be started."""
        with self._turns:
            with self._lock:
                child = self._idle.pop() if self._idle else None
            child = child or _Child(self._memory)
            found = child.probe(noun, content, self.deadline)
            if not isinstance(found, _Ended):
                with self._lock:
                    self._idle.append(child)
                return found
            child.close()
        if found.late:
            return Unreadable(f"cannot be read within {self.deadline:g} s")
        return Unreadable("cannot be read: it takes too much memory, or breaks the decoder")

    def close(self) -> None:
        """End the processes that are idle."""
        with self._lock:
            for child in self._idle:
                child.close()
            self._idle.clear()


class _Ended:
    """A process that ended before its result."""

    def __init__(self, *, late: bool) -> None:
        self.late = late


class _Child:
    """One process, which waits for files on its standard input."""

    def __init__(self, memory: int) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # Its own interpreter and code.
            [sys.executable, "-c", _CODE, json.dumps(sys.path), str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "MALLOC_ARENA_MAX": "2"},
            # A Ctrl+C in the terminal is for the emulator, which drains.
            start_new_session=True,
        )
        self._late = False

    def probe(self, noun: str, content: bytes, deadline: float) -> Seen | _Ended:
        timer = Timer(deadline, self._end)
        timer.daemon = True
        timer.start()
        answer = b""
        try:
            answer = self._exchange(HEAD.pack(noun == "image", len(content)), content)
        except OSError:
            pass  # The process has ended.
        finally:
            timer.cancel()
            timer.join()
        return _Ended(late=self._late) if self._late or not answer else decode_seen(answer)

    def _exchange(self, head: bytes, content: bytes) -> bytes:
        """The result of a file, or nothing where the process ends before."""
        to_child, from_child = self._process.stdin, self._process.stdout
        assert to_child is not None
        assert from_child is not None
        to_child.write(head)
        to_child.write(content)
        to_child.flush()
        length = from_child.read(LENGTH.size)
        return from_child.read(*LENGTH.unpack(length)) if len(length) == LENGTH.size else b""

    def _end(self) -> None:
        self._late = True
        self._process.kill()

    def close(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()


PROBES = ProbePool()
"""The processes of all emulators of this process."""
