"""Every exception that this package defines, as one tree and one signal.

ContractsError                 base of the errors that this package raises
├── NoResponse                 no response to a request arrived
├── ServiceUnusable            the service cannot be checked
├── InvalidTrace               a line of a recording is no event
├── ForeignEncoding            a file is not UTF-8
├── InvalidHistory             a text is no saved history
├── PromiseBroken              a promise did not hold
├── RunStopped                 the run must not go on
│   ├── FaultyCreateAccepted   a create without a required field was accepted, which may cost credits
│   └── BudgetExceeded         a create could cost, or did cost, more than is left
├── CreateWithheld             one create must not be sent; the run goes on
│   └── CreateTooExpensive     that create could cost more than is left if it were accepted
└── RunUnfinished              a run ended early, so that a test of pytest cannot pass

SearchInterrupted              ends a search from inside Hypothesis; never leaves `stateful.search`
"""


class ContractsError(Exception):
    """Base of the errors that this package raises; the message is a sentence."""


class NoResponse(ContractsError):
    """No response to a request arrived; says why. `why` is the reason alone, without the request."""

    def __init__(self, message: str, why: str = "") -> None:
        super().__init__(message)
        self.why = why or message


class ServiceUnusable(ContractsError):
    """The service cannot be checked; says why. `of_control` is whether the reason is its control API's own address."""

    def __init__(self, message: str, *, of_control: bool = False) -> None:
        super().__init__(message)
        self.of_control = of_control


class ForeignEncoding(ContractsError, ValueError):
    """A file is not UTF-8; names the encoding, or the line and the byte."""


class InvalidTrace(ContractsError, ValueError):
    """A line of a recording is no event; says which line, and why."""


class InvalidHistory(ContractsError, ValueError):
    """A text is no saved history; says where, and what would be right."""


class PromiseBroken(ContractsError, AssertionError):
    """A promise did not hold; says which, and how."""


class RunStopped(ContractsError):
    """The run must not go on; says why."""


class FaultyCreateAccepted(RunStopped):
    """A service accepted a create without a required field, which may cost credits; nothing more was sent."""

    def __init__(self, task: str) -> None:
        super().__init__(
            f"a create without a required field was accepted as {task}; look after that task and its credits"
        )


class BudgetExceeded(RunStopped):
    """The next create could cost more than is left, and was not sent; or one was accepted that cost more."""


class CreateWithheld(ContractsError):
    """A create that must be refused was not sent, since the service accepted an earlier one like it."""


class CreateTooExpensive(CreateWithheld):
    """A create that must be refused was not sent, since it could cost more than is left if it were accepted."""


class RunUnfinished(ContractsError):
    """A run ended early; says why."""


class SearchInterrupted(BaseException):
    """Ends a search early. Not an `Exception`, since Hypothesis would look for a shorter example of one."""
