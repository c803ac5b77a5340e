"""Settings of the emulator: the record, the rules of single keys, and how they are loaded."""

from evolink_mock.settings.keys import KeyRule
from evolink_mock.settings.loading import FILE_NAMES, NAMES, load_settings, settings_of, unknown_variables
from evolink_mock.settings.record import MEDIA, Settings
from evolink_mock.settings.types import UnknownSetting

__all__ = [
    "FILE_NAMES",
    "MEDIA",
    "NAMES",
    "KeyRule",
    "Settings",
    "UnknownSetting",
    "load_settings",
    "settings_of",
    "unknown_variables",
]
