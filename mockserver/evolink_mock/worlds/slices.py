"""Slice sizes: due transitions, rows or worlds that are worked on at a stretch before other work gets a turn."""

VIEW_SLICE = 500
"""Before a read of the control API, which waits until all are applied: about two milliseconds' worth."""
LOG_SLICE = 10_000
"""Rows of a log that are compared with what a call asks for: about two milliseconds' worth."""
RECORD_SLICE = 500
"""Tasks or deliveries that are decoded for a call: about five milliseconds' worth."""
WORLD_SLICE = 100
"""Worlds that a call of all worlds visits: about five milliseconds' worth."""
ATTEMPT_SLICE = 500
"""Before an attempt of a callback, which is put back for the next turn where more are due: as long as for a read."""
IDLE_SLICE = 200
"""In the background, while no request waits: about a millisecond's worth."""
BUSY_SLICE = 20
"""In the background, while requests wait: a tenth of that, so that requests keep nearly all of the loop's time."""
