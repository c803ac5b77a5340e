"""Exit codes: one table for each command, from which `--help` and the reference page are made."""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType


class Exit(IntEnum):
    """The codes with which the commands end."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    NOT_CHECKED = 3
    INTERRUPTED = 130


EXIT_CODES: Mapping[int, str] = MappingProxyType(
    {
        Exit.PASSED: "every promise that was covered passed",
        Exit.FAILED: "a promise failed; `drift`: a critical difference; `selftest`: a mutant that was not caught",
        Exit.USAGE: "wrong usage",
        Exit.NOT_CHECKED: "nothing could be checked, the run stopped early, or a report could not be written",
        Exit.INTERRUPTED: "interrupted by Ctrl+C",
    }
)
"""The exit codes of all commands, in general."""
_USAGE = "the command was used wrongly, the recording is no file that can be opened, or a file cannot be written"
_INTERRUPTED = "interrupted by Ctrl+C"
EXIT_CODES_OF: Mapping[str, Mapping[int, str]] = MappingProxyType(
    {
        "run": {
            Exit.PASSED: "every promise that was covered passed",
            Exit.FAILED: "a promise or a history failed",
            Exit.USAGE: "the command was used wrongly, or a file cannot be written: nothing was sent; "
            "or --max-credits is too small: nothing was bought",
            Exit.NOT_CHECKED: "the service could not be checked, the run stopped early, nothing was covered, "
            "or a file could not be written after the run",
            Exit.INTERRUPTED: _INTERRUPTED,
        },
        "check": {
            Exit.PASSED: "every promise that was covered passed",
            Exit.FAILED: "a promise failed",
            Exit.USAGE: _USAGE,
            Exit.NOT_CHECKED: "the contents of the file are no recording, nothing in it is covered by a promise, "
            "or the report could not be written",
            Exit.INTERRUPTED: _INTERRUPTED,
        },
        "drift": {
            Exit.PASSED: "no difference is critical",
            Exit.FAILED: "a difference is critical",
            Exit.USAGE: _USAGE,
            Exit.NOT_CHECKED: "the contents of the file are no recording, no call in it can be compared, "
            "or the report could not be written",
            Exit.INTERRUPTED: _INTERRUPTED,
        },
        "receiver": {
            Exit.PASSED: "every promise passed",
            Exit.FAILED: "a promise failed",
            Exit.USAGE: "the command was used wrongly",
            Exit.NOT_CHECKED: "the receiver cannot be reached, or the report could not be written",
            Exit.INTERRUPTED: _INTERRUPTED,
        },
        "selftest": {
            Exit.PASSED: "every mutant was caught, and the unmodified emulator passed",
            Exit.FAILED: "a mutant was not caught, or the unmodified emulator failed",
            Exit.USAGE: "there is no mutant of that name",
            Exit.NOT_CHECKED: "no package provides an emulator",
            Exit.INTERRUPTED: _INTERRUPTED,
        },
        "promises": {Exit.PASSED: "the list was printed", Exit.USAGE: "the command was used wrongly"},
    }
)
"""Each command with its exit codes and their meanings."""


def exit_codes(meanings: Mapping[int, str]) -> str:
    """Exit codes as the last paragraph of a `--help`."""
    return "Exit codes: " + "; ".join(f"{code:d} {says}" for code, says in meanings.items()) + "."


def exit_codes_of(command: str) -> str:
    """The exit codes of a command as the last paragraph of its `--help`."""
    return exit_codes(EXIT_CODES_OF[command])
