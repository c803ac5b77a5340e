"""The videos that results are, and what is looked at of pictures and sounds."""
