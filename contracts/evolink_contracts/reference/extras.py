"""The extra `contracts`: whether Hypothesis is installed, and how it is installed."""

from importlib.util import find_spec


def has_hypothesis() -> bool:
    """Whether Hypothesis can be imported."""
    return find_spec("hypothesis") is not None


def hypothesis_missing(subject: str) -> str:
    """The error of something that cannot work without Hypothesis."""
    return f"{subject} needs Hypothesis: from a checkout, pip install '.[contracts]'"
