"""Probe child: the process that decodes input files for another one, within a limit of memory."""

import os
import sys
from contextlib import suppress

from evolink_mock.media.acceptance import Unreadable, encode_seen
from evolink_mock.media.probe import probe_audio, probe_image
from evolink_mock.media.probe_pool import HEAD, LENGTH


def serve(memory: int) -> None:
    """Probe each file that comes on the standard input, until that ends, as it does with the other process."""
    _limit_memory(memory)
    files = sys.stdin.buffer
    # What a library prints goes elsewhere.
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while len(head := files.read(HEAD.size)) == HEAD.size:
        is_image, length = HEAD.unpack(head)
        content = files.read(length)
        try:
            found = probe_image(content) if is_image else probe_audio(content)
        except MemoryError:
            found = Unreadable("cannot be read: it takes too much memory")
        answer = encode_seen(found)
        results.write(LENGTH.pack(len(answer)) + answer)
        results.flush()


def _limit_memory(most: int) -> None:
    """Only Linux limits memory; elsewhere the limit of time alone ends the process."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (most, most))
