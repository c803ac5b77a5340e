"""`evolink_mock.mocked.Mocked`: the emulator as a test double; it lives in `evolink_mock.testing.mocked`."""

from evolink_mock.testing.mocked import Callbacks as Callbacks
from evolink_mock.testing.mocked import Mocked as Mocked
