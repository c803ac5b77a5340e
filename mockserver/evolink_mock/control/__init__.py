"""The control API under /__mock, the timeline and its page."""
