"""The emulator as a test double, and the types of the pytest fixtures; import them from this module."""

from evolink_mock.testing.callbacks import Callbacks
from evolink_mock.testing.handle import ControlRefused, EmulatorHandle
from evolink_mock.testing.mocked import Mocked
from evolink_mock.testing.server import EvolinkServer

__all__ = ["Callbacks", "ControlRefused", "EmulatorHandle", "EvolinkServer", "Mocked"]
