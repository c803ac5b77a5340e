"""Slice sizes: numbers of due transitions applied at a stretch before other work on the event loop gets a turn."""

VIEW_SLICE = 500
"""Before a read of the control API, which waits until all are applied: about two milliseconds' worth."""
ATTEMPT_SLICE = 500
"""Before an attempt of a callback, which is put back for the next turn where more are due: as long as for a read."""
IDLE_SLICE = 200
"""In the background, while no request waits: about a millisecond's worth."""
BUSY_SLICE = 20
"""In the background, while requests wait: a tenth of that, so that requests keep nearly all of the loop's time."""
