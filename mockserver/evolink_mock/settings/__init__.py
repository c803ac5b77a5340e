"""Settings of the emulator: the record, the rules of single keys, and how they are loaded."""

from evolink_mock.settings.keys import KeyRule
from evolink_mock.settings.loading import NAMES, load_settings
from evolink_mock.settings.record import MEDIA, Settings

__all__ = ["MEDIA", "NAMES", "KeyRule", "Settings", "load_settings"]
