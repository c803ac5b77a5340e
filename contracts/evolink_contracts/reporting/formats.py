"""The report formats by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from evolink_contracts.reporting.html import as_html
from evolink_contracts.reporting.json import as_json
from evolink_contracts.reporting.junit import as_junit
from evolink_contracts.reporting.markdown import as_markdown
from evolink_contracts.reporting.sentences import clean
from evolink_contracts.reporting.text import as_text
from evolink_contracts.runs.runner import Report


def _cleaned(made: Callable[[Report, str | None], str]) -> Callable[[Report, str | None], str]:
    return lambda report, base_url: clean(made(report, base_url))


FORMATS: Mapping[str, Callable[[Report, str | None], str]] = MappingProxyType(
    {
        "text": _cleaned(as_text),
        "markdown": _cleaned(as_markdown),
        "html": _cleaned(as_html),
        "json": _cleaned(as_json),
        "junit": _cleaned(as_junit),
    }
)
"""Each renders a report about the service at a base URL, which is `None` for a recording of an unknown one."""
